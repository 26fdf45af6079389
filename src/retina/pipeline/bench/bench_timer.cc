#include "retina/pipeline/bench/bench_timer.h"

#include <algorithm>
#include <utility>

#include <torch/cuda.h>

#include "retina/core/clock.h"

namespace retina::pipeline {
namespace {

constexpr std::size_t kLeastRepeats = 3;
constexpr std::size_t kMostRepeats = 1000;
constexpr int kWarmUp = 2;
constexpr int kCudaWarmUp = 5;  ///< algorithms are chosen, a training step is recorded

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void BenchTimer::synchronise() const {
  if (device_.is_cuda()) {
    torch::cuda::synchronize(device_.index());
  }
}

void BenchTimer::warm_up(const std::function<void()>& run) const {
  for (int i = 0; i < (device_.is_cuda() ? kCudaWarmUp : kWarmUp); ++i) {
    run();
  }
  synchronise();
}

Timing BenchTimer::time(const std::function<void()>& run) const {
  warm_up(run);
  std::vector<double> seconds;
  const core::Stopwatch total;
  while (seconds.size() < kLeastRepeats ||
         (total.seconds() < seconds_ && seconds.size() < kMostRepeats)) {
    const core::Stopwatch watch;
    run();
    synchronise();
    seconds.push_back(watch.seconds());
  }
  const double best = *std::min_element(seconds.begin(), seconds.end());
  return {.median_s = median(std::move(seconds)), .best_s = best};
}

}  // namespace retina::pipeline
