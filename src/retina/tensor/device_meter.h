#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include <c10/core/Stream.h>
#include <torch/types.h>

namespace retina::tensor {

/// How much of the time a GPU has work, by looking every millisecond whether the queue of the
/// calling thread's stream is empty. On a CPU, whose work is done by those who ask for it, there is
/// nothing to look at.
///
///     DeviceMeter meter(device);
///     ... work ...
///     meter.busy();
class DeviceMeter {
 public:
  explicit DeviceMeter(const at::Device& device);
  ~DeviceMeter();
  DeviceMeter(const DeviceMeter&) = delete;
  DeviceMeter& operator=(const DeviceMeter&) = delete;

  /// Looks so far, and those that found work.
  struct Count {
    std::int64_t looks = 0, busy = 0;
  };
  Count count() const;
  /// Share of the looks from one count to another that found work; none on a CPU, or without a
  /// look.
  static std::optional<double> busy(const Count& from, const Count& to);
  std::optional<double> busy() const { return busy({}, count()); }

 private:
  void watch();

  std::optional<c10::Stream> stream_;  ///< none on a CPU
  std::atomic<std::int64_t> looks_ = 0;
  std::atomic<std::int64_t> busy_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread watcher_;
};

}  // namespace retina::tensor
