#include "retina/tensor/device_meter.h"

#include <chrono>
#include <exception>

#include <c10/core/impl/VirtualGuardImpl.h>

namespace retina::tensor {

DeviceMeter::DeviceMeter(const at::Device& device) {
  if (device.is_cuda()) {
    stream_ = c10::impl::VirtualGuardImpl(device.type()).getStream(device);
    watcher_ = std::thread([this] { watch(); });
  }
}

DeviceMeter::~DeviceMeter() {
  if (!watcher_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  watcher_.join();
}

void DeviceMeter::watch() {
  std::unique_lock lock(mutex_);
  try {
    while (!wake_.wait_for(lock, std::chrono::milliseconds(1), [this] { return ends_; })) {
      const bool has_work = !stream_->query();
      busy_ += has_work ? 1 : 0;
      ++looks_;
    }
  } catch (const std::exception&) {  // the device has failed: those who use it will hear of it
  }
}

DeviceMeter::Count DeviceMeter::count() const {
  return {.looks = looks_, .busy = busy_};
}

std::optional<double> DeviceMeter::busy(const Count& from, const Count& to) {
  if (to.looks <= from.looks) {
    return std::nullopt;
  }
  return static_cast<double>(to.busy - from.busy) / static_cast<double>(to.looks - from.looks);
}

}  // namespace retina::tensor
