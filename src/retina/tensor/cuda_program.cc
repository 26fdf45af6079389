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

/// The few functions of the CUDA driver and of NVRTC that are needed, as their documentation states
/// them. 0 is success everywhere.
struct CudaLibrary {
  int (*nvrtcCreateProgram)(void** program, const char* source, const char* name, int headers,
                            const char* const* contents, const char* const* names);
  int (*nvrtcCompileProgram)(void* program, int count, const char* const* options);
  int (*nvrtcDestroyProgram)(void** program);
  int (*nvrtcGetCUBINSize)(void* program, std::size_t* size);
  int (*nvrtcGetCUBIN)(void* program, char* code);
  int (*nvrtcGetProgramLogSize)(void* program, std::size_t* size);
  int (*nvrtcGetProgramLog)(void* program, char* log);
  int (*cuDeviceGet)(int* device, int ordinal);
  int (*cuDeviceGetAttribute)(int* value, int attribute, int device);
  int (*cuModuleLoadData)(void** module, const void* image);
  int (*cuModuleGetFunction)(void** function, void* module, const char* name);
  int (*cuLaunchKernel)(void* function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z,
                        unsigned threads_x, unsigned threads_y, unsigned threads_z,
                        unsigned shared_bytes, void* stream, void** parameters, void** extra);
};

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

template <class Function>
void find(void* library, const char* name, Function& function) {
  void* symbol = ::dlsym(library, name);
  TORCH_CHECK(symbol != nullptr, "no ", name, " in the CUDA libraries");
  function = reinterpret_cast<Function>(symbol);
}

/// libtorch's own door to both; the names are found in the libraries that it needs.
CudaLibrary load_library() {
  void* library = ::dlopen("libcaffe2_nvrtc.so", RTLD_LAZY);
  TORCH_CHECK(library != nullptr, ::dlerror());
  CudaLibrary cuda{};
  find(library, "nvrtcCreateProgram", cuda.nvrtcCreateProgram);
  find(library, "nvrtcCompileProgram", cuda.nvrtcCompileProgram);
  find(library, "nvrtcDestroyProgram", cuda.nvrtcDestroyProgram);
  find(library, "nvrtcGetCUBINSize", cuda.nvrtcGetCUBINSize);
  find(library, "nvrtcGetCUBIN", cuda.nvrtcGetCUBIN);
  find(library, "nvrtcGetProgramLogSize", cuda.nvrtcGetProgramLogSize);
  find(library, "nvrtcGetProgramLog", cuda.nvrtcGetProgramLog);
  find(library, "cuDeviceGet", cuda.cuDeviceGet);
  find(library, "cuDeviceGetAttribute", cuda.cuDeviceGetAttribute);
  find(library, "cuModuleLoadData", cuda.cuModuleLoadData);
  find(library, "cuModuleGetFunction", cuda.cuModuleGetFunction);
  find(library, "cuLaunchKernel", cuda.cuLaunchKernel);
  return cuda;
}

const CudaLibrary& library() {
  static const CudaLibrary loaded = load_library();
  return loaded;
}

void check(int code, const std::string& what) {
  TORCH_CHECK(code == 0, "CUDA: ", what, " failed with code ", code);
}

std::string architecture(const at::Device& device) {
  int number = 0;
  int major = 0;
  int minor = 0;
  check(library().cuDeviceGet(&number, device.index()), "cuDeviceGet");
  check(library().cuDeviceGetAttribute(&major, kCapabilityMajor, number), "cuDeviceGetAttribute");
  check(library().cuDeviceGetAttribute(&minor, kCapabilityMinor, number), "cuDeviceGetAttribute");
  return fmt::format("--gpu-architecture=sm_{}{}", major, minor);
}

std::string log_of(void* program) {
  std::size_t size = 0;
  library().nvrtcGetProgramLogSize(program, &size);
  std::string log(size, ' ');
  library().nvrtcGetProgramLog(program, log.data());
  return log;
}

/// Machine code for the device.
std::vector<char> compile(const std::string& source, const at::Device& device) {
  void* program = nullptr;
  check(library().nvrtcCreateProgram(&program, source.c_str(), "retina.cu", 0, nullptr, nullptr),
        "nvrtcCreateProgram");
  const std::string target = architecture(device);
  const std::array<const char*, 2> options{target.c_str(), "--std=c++17"};
  const int code =
      library().nvrtcCompileProgram(program, static_cast<int>(options.size()), options.data());
  TORCH_CHECK(code == 0, "kernels do not compile for ", target, ":\n", log_of(program));
  std::size_t size = 0;
  check(library().nvrtcGetCUBINSize(program, &size), "nvrtcGetCUBINSize");
  std::vector<char> binary(size);
  check(library().nvrtcGetCUBIN(program, binary.data()), "nvrtcGetCUBIN");
  library().nvrtcDestroyProgram(&program);
  return binary;
}

}  // namespace

/// Code on one device; stays loaded as long as the process.
struct CudaProgram::Module {
  void* handle = nullptr;
  std::map<std::string, void*> functions{};

  void* function(const std::string& name) {
    void*& found = functions[name];
    if (found == nullptr) {
      check(library().cuModuleGetFunction(&found, handle, name.c_str()), name);
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
    const std::vector<char> binary = compile(source_, device);
    check(library().cuModuleLoadData(&module->handle, binary.data()), "cuModuleLoadData");
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
  check(library().cuLaunchKernel(function, shape.blocks.x, shape.blocks.y, shape.blocks.z,
                                 shape.threads.x, shape.threads.y, shape.threads.z,
                                 shape.shared_bytes, stream, arguments.all(), nullptr),
        kernel);
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
