#pragma once

#include <cstdint>

#include <torch/types.h>

#include "retina/core/clock.h"
#include "retina/data/loader.h"
#include "retina/tensor/device_meter.h"

namespace retina::pipeline {

/// What a training did in some time.
struct Throughput {
  double steps = 0;
  double seconds = 0;  ///< more than 0
  /// Of a GPU: share of the time it had work; of a CPU: 1 - waiting for data.
  double device_busy = 0;
};

/// How fast a training goes, by the run's clock and the time it waits for its loader; both outlive
/// this.
class ThroughputMeter {
 public:
  /// Begins now, at `step`.
  ThroughputMeter(const core::Stopwatch& watch, const data::Loader& loader,
                  const at::Device& device, std::int64_t step);

  /// Since the last call, or the beginning.
  Throughput since_last(std::int64_t step);
  /// Since the beginning.
  double device_busy() const;

 private:
  /// A moment of the training.
  struct Mark {
    std::int64_t step = 0;
    double seconds = 0;
    double waited_s = 0;
    tensor::DeviceMeter::Count looks{};
  };

  Mark mark(std::int64_t step) const;
  static Throughput between(const Mark& from, const Mark& to);

  const core::Stopwatch& watch_;
  const data::Loader& loader_;
  tensor::DeviceMeter meter_;
  Mark begin_;
  Mark last_;
};

}  // namespace retina::pipeline
