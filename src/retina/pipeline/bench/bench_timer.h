#pragma once

#include <functional>
#include <vector>

#include <torch/types.h>

namespace retina::pipeline {

/// Not of an empty list.
double median(std::vector<double> values);

struct Timing {
  double median_s = 0;
  double best_s = 0;
};

/// Times work on a device by repeating it.
class BenchTimer {
 public:
  /// `seconds`: for the repeats of one piece of work, after warming up.
  BenchTimer(at::Device device, double seconds) : device_(device), seconds_(seconds) {}

  /// Of one `run`: two runs to warm up (five on a GPU), then at least three that count. Waits for
  /// the device.
  Timing time(const std::function<void()>& run) const;
  /// Of repeats of `run`, each of which does `units`: units per second, by the median.
  double rate(double units, const std::function<void()>& run) const {
    return units / time(run).median_s;
  }

  /// Runs that do not count, as many as the device needs; then waits for it.
  void warm_up(const std::function<void()>& run) const;
  /// Waits until the device has done all that it was given.
  void synchronise() const;

 private:
  at::Device device_;
  double seconds_;
};

}  // namespace retina::pipeline
