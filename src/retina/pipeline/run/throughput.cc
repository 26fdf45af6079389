#include "retina/pipeline/run/throughput.h"

#include <algorithm>

namespace retina::pipeline {

ThroughputMeter::ThroughputMeter(const core::Stopwatch& watch, const data::Loader& loader,
                                 const at::Device& device, std::int64_t step)
    : watch_(watch), loader_(loader), meter_(device), begin_(mark(step)), last_(begin_) {}

ThroughputMeter::Mark ThroughputMeter::mark(std::int64_t step) const {
  return {.step = step,
          .seconds = watch_.seconds(),
          .waited_s = loader_.waited_s(),
          .looks = meter_.count()};
}

Throughput ThroughputMeter::between(const Mark& from, const Mark& to) {
  const double seconds = std::max(to.seconds - from.seconds, 1e-9);
  return {.steps = static_cast<double>(to.step - from.step),
          .seconds = seconds,
          .device_busy = tensor::DeviceMeter::busy(from.looks, to.looks)
                             .value_or(1 - (to.waited_s - from.waited_s) / seconds)};
}

Throughput ThroughputMeter::since_last(std::int64_t step) {
  const Mark now = mark(step);
  const Throughput found = between(last_, now);
  last_ = now;
  return found;
}

double ThroughputMeter::device_busy() const {
  return between(begin_, mark(last_.step)).device_busy;
}

}  // namespace retina::pipeline
