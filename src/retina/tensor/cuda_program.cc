#include "retina/tensor/cuda_program.h"

#include <array>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <fmt/format.h>

namespace retina::tensor {
namespace {

/// By its name, from libtorch's own door to NVRTC and the CUDA driver, and the libraries behind it.
void* find_symbol(const char* name) {
  static void* const library = ::dlopen("libcaffe2_nvrtc.so", RTLD_LAZY);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    TORCH_CHECK(false, "libcaffe2_nvrtc.so does not load: ", reason != nullptr ? reason : "");
  }
  void* symbol = ::dlsym(library, name);
  TORCH_CHECK(symbol != nullptr, "no ", name, " in the CUDA libraries");
  return symbol;
}

/// A function of either, whose result of 0 is success.
template <class... Arguments>
class CudaFunction {
 public:
  explicit CudaFunction(const char* name)
      : name_(name), function_(reinterpret_cast<int (*)(Arguments...)>(find_symbol(name))) {}
  int try_call(Arguments... arguments) const { return function_(arguments...); }
  void operator()(Arguments... arguments) const {
    const int result = try_call(arguments...);
    TORCH_CHECK(result == 0, name_, " failed with code ", result);
  }

 private:
  const char* name_;
  int (*function_)(Arguments...);
};

/// The few that are needed, as their documentation states them.
struct CudaLibrary {
  CudaFunction<void**, const char*, const char*, int, const char* const*, const char* const*>
      create_program{"nvrtcCreateProgram"};  // source, file name, headers
  CudaFunction<void*, int, const char* const*> compile_program{"nvrtcCompileProgram"};  // options
  CudaFunction<void**> destroy_program{"nvrtcDestroyProgram"};
  CudaFunction<void*, std::size_t*> get_code_size{"nvrtcGetCUBINSize"};
  CudaFunction<void*, char*> get_code{"nvrtcGetCUBIN"};
  CudaFunction<void*, std::size_t*> get_log_size{"nvrtcGetProgramLogSize"};
  CudaFunction<void*, char*> get_log{"nvrtcGetProgramLog"};
  CudaFunction<int*, int> get_device{"cuDeviceGet"};                   // of an ordinal
  CudaFunction<int*, int, int> get_attribute{"cuDeviceGetAttribute"};  // attribute, device
  CudaFunction<void**, const void*> load_module{"cuModuleLoadData"};
  CudaFunction<void**, void*, const char*> get_function{"cuModuleGetFunction"};
  CudaFunction<void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
               void**, void**>
      launch_kernel{"cuLaunchKernel"};  // blocks, threads, shared bytes, stream, arguments
};

const CudaLibrary& library() {
  static const CudaLibrary loaded;
  return loaded;
}

/// What every kernel has at hand. Values are float or the bits of bfloat16; a pack is 16 bytes of
/// them.
constexpr const char* kValues = R"cuda(
typedef unsigned short bf16;

__device__ inline float value(float v) { return v; }
__device__ inline float value(bf16 bits) { return __uint_as_float(unsigned(bits) << 16); }
__device__ inline void put(float v, float& out) { out = v; }
__device__ inline void put(float v, bf16& out) {  // to nearest, ties to even; NaN stays NaN
  const unsigned bits = __float_as_uint(v);
  const unsigned rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  out = bf16((bits & 0x7FFFFFFFu) > 0x7F800000u ? 0x7FC0u : rounded);
}

template <class T> struct Pack { enum { size = 16 / sizeof(T) }; };  // values that are read and written at once
template <class T> union Raw { uint4 all; T each[Pack<T>::size]; };
template <class T> __device__ inline void load(const T* from, float* to) {
  Raw<T> raw;
  raw.all = *reinterpret_cast<const uint4*>(from);
#pragma unroll
  for (int i = 0; i < Pack<T>::size; ++i) to[i] = value(raw.each[i]);
}
template <class T> __device__ inline void store(const float* from, T* to) {
  Raw<T> raw;
#pragma unroll
  for (int i = 0; i < Pack<T>::size; ++i) put(from[i], raw.each[i]);
  *reinterpret_cast<uint4*>(to) = raw.all;
}
)cuda";

constexpr int kCapabilityMajor = 75;  ///< CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
constexpr int kCapabilityMinor = 76;

std::string architecture(const at::Device& device) {
  int number = 0;
  int major = 0;
  int minor = 0;
  library().get_device(&number, device.index());
  library().get_attribute(&major, kCapabilityMajor, number);
  library().get_attribute(&minor, kCapabilityMinor, number);
  return fmt::format("--gpu-architecture=sm_{}{}", major, minor);
}

/// Source that NVRTC is given, and what it makes of it.
class Compilation {
 public:
  explicit Compilation(const std::string& source) {
    library().create_program(&program_, source.c_str(), "retina.cu", 0, nullptr, nullptr);
  }
  ~Compilation() { library().destroy_program.try_call(&program_); }
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;

  /// Machine code for the device.
  std::vector<char> run(const at::Device& device) const {
    const std::string target = architecture(device);
    const std::array<const char*, 2> options{target.c_str(), "--std=c++17"};
    const int code = library().compile_program.try_call(program_, static_cast<int>(options.size()),
                                                        options.data());
    TORCH_CHECK(code == 0, "kernels do not compile for ", target, ":\n", log());
    std::size_t size = 0;
    library().get_code_size(program_, &size);
    std::vector<char> binary(size);
    library().get_code(program_, binary.data());
    return binary;
  }

 private:
  std::string log() const {
    std::size_t size = 0;
    library().get_log_size(program_, &size);
    std::string text(size, ' ');
    library().get_log(program_, text.data());
    return text;
  }

  void* program_ = nullptr;
};

}  // namespace

/// Code on one device; stays loaded as long as the process.
struct CudaProgram::Module {
  void* handle = nullptr;
  std::map<std::string, void*> functions{};

  void* function(const std::string& name) {
    void*& found = functions[name];
    if (found == nullptr) {
      TORCH_CHECK(library().get_function.try_call(&found, handle, name.c_str()) == 0,
                  "there is no kernel ", name);
    }
    return found;
  }
};

CudaProgram::CudaProgram(const std::string& source) : source_(kValues + source) {}
CudaProgram::~CudaProgram() = default;

CudaProgram::Module* CudaProgram::module_on(const at::Device& device) {
  const auto known = modules_.find(device.index());
  if (known != modules_.end()) {
    return known->second.get();
  }
  auto module = std::make_unique<Module>();
  try {
    const c10::DeviceGuard guard(device);
    at::empty({1}, at::TensorOptions().device(device));  // the device's context is there after it
    library().load_module(&module->handle, Compilation(source_).run(device).data());
  } catch (const c10::Error& error) {
    TORCH_WARN(
        "CUDA kernels of this program do not compile here, and torch's own, which are slower, are "
        "used: ",
        error.what_without_backtrace());
    module = nullptr;
  }
  return modules_.emplace(device.index(), std::move(module)).first->second.get();
}

bool CudaProgram::is_ready(const at::Device& device) {
  const std::lock_guard lock(mutex_);
  return device.is_cuda() && module_on(device) != nullptr;
}

void CudaProgram::launch(const std::string& kernel, const at::Device& device, const Shape& shape,
                         KernelArguments& arguments) {
  const c10::DeviceGuard guard(device);
  void* function = nullptr;
  {
    const std::lock_guard lock(mutex_);
    Module* module = module_on(device);
    TORCH_CHECK(module != nullptr, kernel, ": the kernels are not ready on ", device);
    function = module->function(kernel);
  }
  void* stream = c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
  const int code = library().launch_kernel.try_call(
      function, shape.blocks.x, shape.blocks.y, shape.blocks.z, shape.threads.x, shape.threads.y,
      shape.threads.z, shape.shared_bytes, stream, arguments.all(), nullptr);
  TORCH_CHECK(code == 0, "the kernel ", kernel, " failed with code ", code);
}

std::string kernel_name(const char* name, at::ScalarType type) {
  return fmt::format("{}_{}", name, type == at::kFloat ? "float" : "bf16");
}

bool fills_packs(const at::Tensor& x_NCYX) {
  const at::ScalarType type = x_NCYX.scalar_type();
  return x_NCYX.is_cuda() && x_NCYX.numel() > 0 && (type == at::kFloat || type == at::kBFloat16) &&
         x_NCYX.size(1) % static_cast<std::int64_t>(16 / x_NCYX.element_size()) == 0;
}

KernelArguments& KernelArguments::add(const at::Tensor& tensor) {
  pointers_.at(count_) = tensor.defined() ? tensor.data_ptr() : nullptr;
  return next(&pointers_[count_]);
}

KernelArguments& KernelArguments::add(std::int64_t number) {
  TORCH_CHECK(number == static_cast<int>(number), "a kernel's argument of ", number);
  numbers_.at(count_) = static_cast<int>(number);
  return next(&numbers_[count_]);
}

KernelArguments& KernelArguments::add(double real) {
  reals_.at(count_) = real;
  return next(&reals_[count_]);
}

KernelArguments& KernelArguments::next(void* argument) {
  arguments_[count_++] = argument;
  return *this;
}

}  // namespace retina::tensor
