#pragma once

#include <memory>

#include "retina/engine/predictor.h"
#include "retina/net/network.h"

namespace retina::engine {

/// A network without training for tests: each logit depends on its neighbourhood and on its place
/// in the window, so wrong windows, weights or orders of summation show.
class PatternNetwork final : public net::DenseNetwork {
 public:
  explicit PatternNetwork(int channels, int window = 32) : channels_(channels), window_(window) {
    kernel_ = (at::arange(channels * 25, at::kFloat) * 0.7).sin().view({channels, 1, 5, 5});
    const at::Tensor ramp_X = at::linspace(-0.5, 0.5, window);
    place_YX_ = at::outer(ramp_X.sin(), ramp_X.cos()) + 0.3 * ramp_X;
  }

  net::InputSpec input() const override { return {.rank = 2, .channels = 1, .window = window_}; }
  net::HeadSpec head() const override {
    return {"segmentation", channels_, 1, channels_ == 1 ? "sigmoid" : "softmax"};
  }
  at::Tensor forward(const at::Tensor& images_NCYX) override {
    const at::Device device = images_NCYX.device();
    return at::conv2d(images_NCYX, kernel_.to(device), {}, 1, 2).tanh() * 2 + place_YX_.to(device);
  }
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device, at::ScalarType) const override {
    return std::make_shared<PatternNetwork>(channels_, window_);
  }

 private:
  int channels_;
  int window_;
  at::Tensor kernel_;
  at::Tensor place_YX_;
};

inline PlanePredictor pattern_predictor(int channels, const WindowOptions& options,
                                        at::Device device = at::kCPU) {
  return {std::make_shared<PatternNetwork>(channels),
          {.range = {}, .mean = 0.5, .std = 0.25},
          options,
          device,
          at::kFloat};
}

}  // namespace retina::engine
