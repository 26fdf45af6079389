#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <torch/types.h>

#include "retina/core/progress.h"
#include "retina/engine/window_plan.h"
#include "retina/model/model.h"
#include "retina/net/network.h"

namespace retina::engine {

/// Receives the blended logits [K,y,x] (float32, on the device) of plane `plane` of the series;
/// planes come in order.
using PlaneSink = std::function<void(std::int64_t plane, const at::Tensor& logits_KYX)>;

/// What a predictor tells and asks while it works.
struct PredictorHooks {
  /// Called after every batch; may throw, to stop within a plane.
  std::function<void()> after_batch = [] {};
  /// Hears what the user must know: batches that were halved because memory ran out.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// Hooks that log what the predictor says, and end it with interrupted when a stop was requested
/// and what it is working on is not ready after `grace_s` seconds.
PredictorHooks predictor_hooks(const core::Context& context, double grace_s,
                               std::string_view resume_hint);

/// Predicts planes by a sliding window: what validation during training and `predict` share.
///
///     engine::PlanePredictor predictor(net->prepared_for_inference(device, at::kFloat),
///                                      model.card.preprocess, {}, device, at::kFloat);
///     at::Tensor labels_YX = predictor.labels(pixels_YX);
class PlanePredictor {
 public:
  /// `network` must be prepared for inference on `device` with `dtype`. usage error for bad
  /// options.
  PlanePredictor(std::shared_ptr<net::DenseNetwork> network, model::Preprocess preprocess,
                 const WindowOptions& options, at::Device device, at::ScalarType dtype);

  void set_hooks(PredictorHooks hooks) { hooks_ = std::move(hooks); }

  /// Blended logits of a uint8 plane: pixels_YX (u8) -> float32 [K,Y,X] on the device.
  at::Tensor logits(const at::Tensor& pixels_YX);
  /// activate() of logits().
  at::Tensor probabilities(const at::Tensor& pixels_YX);
  /// decide() of probabilities(), on the CPU.
  at::Tensor labels(const at::Tensor& pixels_YX, double threshold = 0.5);

  PlaneSeries series(std::int64_t planes, std::int64_t extent_y, std::int64_t extent_x) const;
  /// `pixels_PYX`: uint8, the block's planes, each cut to pixels_needed(series.plan, block.region).
  void predict_block(const PlaneSeries& series, const PlaneBlock& block,
                     const at::Tensor& pixels_PYX, const PlaneSink& sink);

  int channels() const { return network_->head().channels; }
  int window() const { return window_; }
  const at::Device& device() const { return device_; }
  /// Windows that went through the network: padding of batches and repeated windows included.
  std::int64_t windows_computed() const { return windows_; }

 private:
  at::Tensor gather_NCYX(const PlaneSeries& series, const PlaneBlock& block,
                         const at::Tensor& pixels_PYX,
                         const std::vector<const WindowTask*>& tasks) const;
  /// The network on a batch, in parts where memory does not suffice for all of it at once.
  at::Tensor forward(const at::Tensor& images_NCYX);

  std::shared_ptr<net::DenseNetwork> network_;
  model::Preprocess preprocess_;
  WindowOptions options_;
  int window_;
  at::Device device_;
  at::ScalarType dtype_;
  std::int64_t windows_ = 0;
  int most_at_once_ = std::numeric_limits<int>::max();
  PredictorHooks hooks_;
};

/// Sigmoid for one channel, else softmax over the channels: [K,Y,X] -> [K,Y,X].
at::Tensor activate(const at::Tensor& logits_KYX);

/// Class ids, u8 [Y,X]: one channel p > threshold, else the first of the largest.
at::Tensor decide(const at::Tensor& probabilities_KYX, double threshold);

}  // namespace retina::engine
