#pragma once

#include <cstdint>

#include <c10/core/Device.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace retina::trainer {

/// Communication for tensors on the CPU (and for others, by way of it); all ranks call it.
c10::intrusive_ptr<c10d::Backend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                            std::int64_t rank, std::int64_t ranks);

/// Communication for tensors on CUDA devices, `device` being this rank's; null in a build without
/// NCCL. All ranks call it.
c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                            std::int64_t rank, std::int64_t ranks,
                                            c10::Device device);

}  // namespace retina::trainer
