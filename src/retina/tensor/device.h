#pragma once

#include <cstdint>
#include <string>

#include <torch/types.h>

#include "retina/core/options.h"

namespace retina::tensor {

/// "auto" (CUDA if present, else CPU), "cpu", "cuda", "cuda:1"; usage error for a device that is
/// not there. Where several processes of a machine compute, "auto" and "cuda" are CUDA device
/// number `process`, counted round.
at::Device choose_device(const std::string& name, std::int64_t process = 0);

/// tf32 is fp32 whose products keep 10 bits of mantissa (TensorFloat-32, CUDA alone).
enum class Precision { automatic, fp32, tf32, bf16 };

constexpr core::EnumTable<Precision, 4> enum_table(Precision) {
  return {{{Precision::automatic, "auto"},
           {Precision::fp32, "fp32"},
           {Precision::tf32, "tf32"},
           {Precision::bf16, "bf16"}}};
}

/// True where bf16 arithmetic runs faster than fp32 (CUDA compute capability >= 8, CPUs with
/// AVX512-BF16, AMX or the bf16 instructions of ARM).
bool bf16_is_fast(const at::Device& device);

/// The same, but for `automatic`: bf16 where bf16_is_fast(device), else fp32. Usage error for tf32
/// on a CPU.
Precision choose_precision(Precision precision, const at::Device& device);

/// kFloat or kBFloat16 of the chosen precision.
at::ScalarType choose_type(Precision precision, const at::Device& device);

/// For the whole process, on CUDA: products of fp32 numbers are exact under fp32 and take the
/// tensor cores under all others.
void use_precision(Precision precision, const at::Device& device);

/// For the whole process, on CUDA: convolutions try all algorithms on the first batch of a shape,
/// which takes seconds, and keep the fastest. For many batches of the same shape.
void tune_convolutions();

/// Sets the intra-op thread count of torch for the process; 0 = all cores.
void set_threads(int threads);

/// Lets the C library keep freed memory for the next tensors (glibc; elsewhere nothing): else the
/// kernel hands out every large activation anew, page by page, which costs 3 to 7 % of a forward
/// pass. For the whole process; call it once at the start of a program that runs networks.
void keep_freed_memory();

/// Mixed precision for the lifetime of the guard (ops choose bf16 where safe); nothing if `on` is
/// false. Keep backward() outside of it.
class AutocastGuard {
 public:
  AutocastGuard(at::DeviceType device, bool on);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  at::DeviceType device_;
  bool active_;
  bool was_on_;
  at::ScalarType was_type_;
};

}  // namespace retina::tensor
