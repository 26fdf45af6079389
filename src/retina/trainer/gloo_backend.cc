#ifndef USE_C10D_GLOO  // torch declares the class only then, though every libtorch has it
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "retina/trainer/backends.h"

namespace retina::trainer {

c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                            std::int64_t rank, std::int64_t ranks) {
  // whether the others are alive is Heartbeat's matter; they may validate for hours
  auto options = c10d::ProcessGroupGloo::Options::create_default(std::chrono::hours(24));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, static_cast<int>(rank),
                                                     static_cast<int>(ranks), std::move(options));
}

}  // namespace retina::trainer
