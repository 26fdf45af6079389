#ifdef RETINA_WITH_NCCL
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "retina/trainer/backends.h"

namespace retina::trainer {

#ifdef RETINA_WITH_NCCL

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            std::int64_t rank, std::int64_t ranks,
                                            c10::Device device) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::hours(24);  // as Gloo's: Heartbeat watches
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      store, static_cast<int>(rank), static_cast<int>(ranks), std::move(options));
  backend->setBoundDeviceId(device);
  return backend;
}

#else

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& /*store*/,
                                            std::int64_t /*rank*/, std::int64_t /*ranks*/,
                                            c10::Device /*device*/) {
  return {};
}

#endif

}  // namespace retina::trainer
