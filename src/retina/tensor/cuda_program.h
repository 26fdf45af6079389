#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <torch/types.h>

namespace retina::tensor {

/// What a kernel is given, in order: the memory of tensors (null for an undefined one), int and
/// double numbers.
class KernelArguments {
 public:
  KernelArguments() = default;
  KernelArguments(const KernelArguments&) = delete;  // it holds pointers into itself
  KernelArguments& operator=(const KernelArguments&) = delete;
  KernelArguments& add(const at::Tensor& tensor);
  KernelArguments& add(std::int64_t number);  ///< must fit an int
  KernelArguments& add(double real);
  void** all() { return arguments_.data(); }

 private:
  static constexpr std::size_t kMost = 16;
  KernelArguments& next(void* argument);

  std::array<void*, kMost> pointers_{};
  std::array<int, kMost> numbers_{};
  std::array<double, kMost> reals_{};
  std::array<void*, kMost> arguments_{};
  std::size_t count_ = 0;
};

/// CUDA kernels that are compiled on the machine that runs them, when they are first asked for, by
/// the compiler that comes with libtorch (NVRTC): building this program needs no CUDA.
///
///     static CudaProgram program(R"(extern "C" __global__ void twice(float* x) { ... })");
///     if (program.is_ready(device)) {
///       KernelArguments arguments;
///       arguments.add(x);
///       program.launch("twice", device, {.blocks = {64}, .threads = {256}}, arguments);
///     }
class CudaProgram {
 public:
  /// `source` may use bf16 (the bits of a bfloat16), value() and put() to and from float,
  /// Pack<T>::size (values in 16 bytes), and load() and store() of such packs.
  explicit CudaProgram(const std::string& source);
  ~CudaProgram();
  CudaProgram(const CudaProgram&) = delete;
  CudaProgram& operator=(const CudaProgram&) = delete;

  /// True if the kernels can be run on `device`. Compiles them on the first call (about a second);
  /// where that fails says so once, and the caller does without them.
  bool is_ready(const at::Device& device);

  struct Size {
    unsigned x = 1, y = 1, z = 1;
  };
  struct Shape {
    Size blocks{}, threads{};
    unsigned shared_bytes = 0;
  };
  /// Puts `kernel` into the queue of the device's current stream. c10::Error if the device refuses.
  void launch(const std::string& kernel, const at::Device& device, const Shape& shape,
              KernelArguments& arguments);

 private:
  struct Module;
  Module* module_on(const at::Device& device);

  std::string source_;
  std::mutex mutex_;
  std::map<c10::DeviceIndex, std::unique_ptr<Module>> modules_;  ///< null where it failed
};

/// "apply", kFloat -> "apply_float": kernels that exist for both types end in them.
std::string kernel_name(const char* name, at::ScalarType type);

/// True for float32 and bfloat16 on CUDA whose channels fill whole packs.
bool fills_packs(const at::Tensor& x_NCYX);

}  // namespace retina::tensor
