#include "retina/engine/predictor.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/engine/blend.h"
#include "retina/tensor/out_of_memory.h"
#include "retina/tensor/upload.h"

namespace retina::engine {

namespace {

/// Index of the image pixel at each place of a window of a side shorter than the window
/// (reflect-101: the border pixel is not repeated).
at::Tensor reflected_index(const AxisPlan& axis, at::Device device) {
  std::vector<std::int64_t> index;
  const std::int64_t period = std::max<std::int64_t>(2 * (axis.extent - 1), 1);
  for (std::int64_t i = 0; i < axis.window; ++i) {
    const std::int64_t folded = ((i - axis.pad_low) % period + period) % period;
    index.push_back(std::min(folded, period - folded) % axis.extent);
  }
  return tensor::upload(torch::tensor(index, at::kLong), device);
}

std::vector<std::vector<const WindowTask*>> by_batch(const std::vector<WindowTask>& tasks) {
  std::vector<std::vector<const WindowTask*>> batches;
  for (const WindowTask& task : tasks) {
    if (std::cmp_less_equal(batches.size(), task.batch)) {
      batches.resize(static_cast<std::size_t>(task.batch) + 1);
    }
    batches[static_cast<std::size_t>(task.batch)].push_back(&task);
  }
  return batches;
}

/// Takes windows as they come out of the batches, sums them in the order of the tasks and hands on
/// each plane once it is complete. The slots of cut rows can run a few windows ahead of the order.
class InOrderBlender {
 public:
  InOrderBlender(const PlaneSeries& series, const PlaneBlock& block,
                 const std::vector<WindowTask>& tasks, BlendWeights weights, const PlaneSink& sink)
      : series_(series), block_(block), tasks_(tasks), weights_(std::move(weights)), sink_(sink) {}

  void take(const WindowTask* task, const at::Tensor& logits_KYX) {
    waiting_[static_cast<std::size_t>(task - tasks_.data())] = logits_KYX;
    while (!waiting_.empty() && waiting_.begin()->first == next_) {
      add(tasks_[next_], waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      ++next_;
    }
  }

 private:
  void add(const WindowTask& task, const at::Tensor& logits_KYX) {
    if (!sum_) {
      sum_ = std::make_unique<PlaneSum>(series_.plan, block_.region, logits_KYX.size(0), weights_);
    }
    sum_->add(task.row, task.column, logits_KYX);
    if (next_ + 1 == tasks_.size() || tasks_[next_ + 1].plane != task.plane) {
      sink_(block_.planes.begin + task.plane, sum_->mean_KYX());
      sum_.reset();
    }
  }

  const PlaneSeries& series_;
  const PlaneBlock& block_;
  const std::vector<WindowTask>& tasks_;
  BlendWeights weights_;
  const PlaneSink& sink_;
  std::map<std::size_t, at::Tensor> waiting_;
  std::size_t next_ = 0;
  std::unique_ptr<PlaneSum> sum_;
};

/// Where a window lies in the pixels that were read, and where those pixels lie in the window.
struct WindowCut {
  std::int64_t in_pixels = 0;
  std::int64_t in_window = 0;
  std::int64_t size = 0;
};

WindowCut cut_of(const AxisPlan& axis, std::int64_t index, const Span& read) {
  const std::int64_t start = axis.starts[static_cast<std::size_t>(index)] - axis.pad_low;
  const std::int64_t from = std::max<std::int64_t>(start, 0);
  const std::int64_t to = std::min(start + axis.window, axis.extent);
  return {from - read.begin, from - start, to - from};
}

}  // namespace

PredictorHooks predictor_hooks(const core::Context& context, double grace_s,
                               std::string_view resume_hint) {
  const auto since_stop = std::make_shared<std::optional<core::Stopwatch>>();
  return {.after_batch =
              [context, grace_s, hint = std::string(resume_hint), since_stop] {
                if (!context.stop.stop_requested()) {
                  return;
                }
                if (!*since_stop) {
                  since_stop->emplace();
                }
                if ((*since_stop)->seconds() >= grace_s) {
                  context.check_stop(hint);
                }
              },
          .warn = [log = context.log](const std::string& text) { log->warn("{}", text); }};
}

PlanePredictor::PlanePredictor(std::shared_ptr<net::DenseNetwork> network,
                               model::Preprocess preprocess, const WindowOptions& options,
                               at::Device device, at::ScalarType dtype)
    : network_(std::move(network)),
      preprocess_(preprocess),
      options_(options),
      window_(options.window > 0 ? options.window : network_->input().window),
      device_(device),
      dtype_(dtype) {
  throw_if_any(ErrorKind::usage, "sliding window", options_.validate());
}

PlaneSeries PlanePredictor::series(std::int64_t planes, std::int64_t extent_y,
                                   std::int64_t extent_x) const {
  PlaneSeries series{plan_plane(extent_y, extent_x, window_, options_), planes, options_.batch};
  if (series.batch == 0) {
    const std::int64_t windows = series.plan.count() * planes;
    const int least = device_.is_cuda() ? 16 : 2;  // on a CPU a window costs the same in any batch
    const int most = device_.is_cuda() ? 32 : 8;
    series.batch = least_wasteful_batch(
        windows, static_cast<int>(std::min<std::int64_t>(least, windows)), most);
  }
  return series;
}

at::Tensor PlanePredictor::gather_NCYX(const PlaneSeries& series, const PlaneBlock& block,
                                       const at::Tensor& pixels_PYX,
                                       const std::vector<const WindowTask*>& tasks) const {
  const Region read = pixels_needed(series.plan, block.region);
  const bool reflect = options_.padding == Padding::reflect;
  at::Tensor batch_NCYX = at::zeros({series.batch, 1, window_, window_},
                                    at::TensorOptions().device(device_).dtype(at::kFloat));
  for (const WindowTask* task : tasks) {
    const WindowCut y = cut_of(series.plan.y, task->row, read.y);
    const WindowCut x = cut_of(series.plan.x, task->column, read.x);
    at::Tensor pixels_YX =
        pixels_PYX[task->plane].narrow(0, y.in_pixels, y.size).narrow(1, x.in_pixels, x.size);
    at::Tensor target_YX = batch_NCYX[task->slot][0];
    if (reflect && y.size < window_) {
      pixels_YX = pixels_YX.index_select(0, reflected_index(series.plan.y, device_));
    } else {
      target_YX = target_YX.narrow(0, y.in_window, y.size);
    }
    if (reflect && x.size < window_) {
      pixels_YX = pixels_YX.index_select(1, reflected_index(series.plan.x, device_));
    } else {
      target_YX = target_YX.narrow(1, x.in_window, x.size);
    }
    target_YX.copy_(preprocess_.normalise(pixels_YX));
  }
  return batch_NCYX;
}

void PlanePredictor::predict_block(const PlaneSeries& series, const PlaneBlock& block,
                                   const at::Tensor& pixels_PYX, const PlaneSink& sink) {
  const at::NoGradGuard no_grad;
  const at::Tensor on_device_PYX = tensor::upload(pixels_PYX, device_);
  const std::vector<WindowTask> tasks = assign_batches(
      series.plan, block.region, block.planes.begin, block.planes.size(), series.batch);
  InOrderBlender blender(series, block, tasks,
                         blend_weights(series.plan, block.region, options_.blend, device_), sink);
  for (const std::vector<const WindowTask*>& batch : by_batch(tasks)) {
    const at::Tensor images_NCYX = gather_NCYX(series, block, on_device_PYX, batch);
    const at::Tensor logits_NKYX = forward(images_NCYX);
    for (const WindowTask* task : batch) {
      blender.take(task, logits_NKYX[task->slot]);
    }
    windows_ += series.batch;
    hooks_.after_batch();
  }
}

at::Tensor PlanePredictor::forward(const at::Tensor& images_NCYX) {
  const auto batch = static_cast<int>(images_NCYX.size(0));
  at::Tensor logits_NKYX;
  const auto attempt = [&] {
    if (most_at_once_ >= batch) {
      logits_NKYX = network_->forward(images_NCYX.to(dtype_)).to(at::kFloat);
      return;
    }
    std::vector<at::Tensor> parts;
    for (const at::Tensor& part_NCYX : images_NCYX.split(most_at_once_)) {
      parts.push_back(network_->forward(part_NCYX.to(dtype_)).to(at::kFloat));
    }
    logits_NKYX = at::cat(parts);
  };
  while (!tensor::fits_memory(attempt)) {
    most_at_once_ = tensor::halve_batch(std::min(most_at_once_, batch), "prediction", hooks_.warn);
  }
  return logits_NKYX;
}

at::Tensor PlanePredictor::logits(const at::Tensor& pixels_YX) {
  const PlaneSeries one = series(1, pixels_YX.size(0), pixels_YX.size(1));
  at::Tensor result;
  predict_block(one, {{0, 1}, {{0, pixels_YX.size(0)}, {0, pixels_YX.size(1)}}},
                pixels_YX.unsqueeze(0),
                [&](std::int64_t, const at::Tensor& logits_KYX) { result = logits_KYX; });
  return result;
}

at::Tensor PlanePredictor::probabilities(const at::Tensor& pixels_YX) {
  return activate(logits(pixels_YX));
}

at::Tensor PlanePredictor::labels(const at::Tensor& pixels_YX, double threshold) {
  return decide(probabilities(pixels_YX), threshold).to(at::kCPU);
}

at::Tensor activate(const at::Tensor& logits_KYX) {
  return logits_KYX.size(0) == 1 ? at::sigmoid(logits_KYX) : at::softmax(logits_KYX, 0);
}

at::Tensor decide(const at::Tensor& probabilities_KYX, double threshold) {
  if (probabilities_KYX.size(0) == 1) {
    return probabilities_KYX[0].gt(threshold).to(at::kByte);
  }
  return probabilities_KYX.argmax(0).to(at::kByte);
}

}  // namespace retina::engine
