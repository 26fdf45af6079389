#include "retina/tensor/device.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/cuda.h>

#include "retina/core/resource_limits.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace retina::tensor {
namespace {

/// Reads the processor's feature list once: the compiler's own test misses processors newer than
/// itself.
bool cpu_has_bf16() {
  static const bool found = [] {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line;
    while (std::getline(cpuinfo, line)) {
      if (!line.starts_with("flags") && !line.starts_with("Features")) {
        continue;
      }
      std::istringstream words(line);
      for (std::string word; words >> word;) {
        if (word == "avx512_bf16" || word == "amx_bf16" || word == "bf16") {
          return true;
        }
      }
      return false;  // all cores list the same features
    }
    return false;
  }();
  return found;
}

at::Device parse_device(const std::string& name) {
  const std::string prefix = "cuda:";
  if (name == "cpu") {
    return at::Device(at::kCPU);
  }
  if (name == "cuda") {
    return at::Device(at::kCUDA, 0);
  }
  const bool numbered = name.starts_with(prefix) && name.size() > prefix.size() &&
                        name.size() <= prefix.size() + 3 &&
                        std::all_of(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()),
                                    name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!numbered) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("device '{}'", name),
                                          .found = {},
                                          .expected = "auto, cpu, cuda or cuda:N",
                                          .remedy = {}});
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(std::stoi(name.substr(5))));
}

}  // namespace

at::Device choose_device(const std::string& name, std::int64_t process) {
  const auto count = static_cast<std::int64_t>(torch::cuda::device_count());
  if (count > 0 && (name == "auto" || name == "cuda")) {
    return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(process % count));
  }
  if (name == "auto") {
    return at::Device(at::kCPU);
  }
  const at::Device device = parse_device(name);
  if (device.is_cuda() && device.index() >= count) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("device '{}'", name),
                        .found = fmt::format("{} CUDA devices on this machine", count),
                        .expected = {},
                        .remedy = "use --device cpu, or a libtorch built with CUDA and a driver"});
  }
  return device;
}

bool bf16_is_fast(const at::Device& device) {
  if (device.is_cuda()) {
    // true from compute capability 8 on; asked by way of the hooks, which need no headers of CUDA
    return at::hasCUDA() && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
  }
  return device.is_cpu() && cpu_has_bf16();
}

Precision choose_precision(Precision precision, const at::Device& device) {
  if (precision == Precision::automatic) {
    return bf16_is_fast(device) ? Precision::bf16 : Precision::fp32;
  }
  if (precision == Precision::tf32 && !device.is_cuda()) {
    throw Error(ErrorKind::usage, Problem{.subject = "precision",
                                          .found = "tf32 on " + device.str(),
                                          .expected = "fp32 or bf16: only CUDA devices have tf32",
                                          .remedy = {}});
  }
  return precision;
}

at::ScalarType choose_type(Precision precision, const at::Device& device) {
  return choose_precision(precision, device) == Precision::bf16 ? at::kBFloat16 : at::kFloat;
}

void use_precision(Precision precision, const at::Device& device) {
  if (!device.is_cuda()) {
    return;
  }
  const bool rounded = choose_precision(precision, device) != Precision::fp32;
  at::globalContext().setAllowTF32CuDNN(rounded);
  at::globalContext().setAllowTF32CuBLAS(rounded);
}

void tune_convolutions() {
  at::globalContext().setBenchmarkCuDNN(true);
}

void set_threads(int threads) {
  at::set_num_threads(threads > 0 ? threads : core::usable_cores());
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kNever = -1;
  constexpr int kHeadroomBytes = 64 << 20;
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, kNever);
  ::mallopt(M_TOP_PAD, kHeadroomBytes);
#endif
}

AutocastGuard::AutocastGuard(at::DeviceType device, bool on)
    : device_(device),
      active_(on),
      was_on_(at::autocast::is_autocast_enabled(device)),
      was_type_(at::autocast::get_autocast_dtype(device)) {
  if (active_) {
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::increment_nesting();
  }
}

AutocastGuard::~AutocastGuard() {
  if (active_) {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(device_, was_on_);
    at::autocast::set_autocast_dtype(device_, was_type_);
  }
}

}  // namespace retina::tensor
