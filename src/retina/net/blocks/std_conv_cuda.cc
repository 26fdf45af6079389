#include "retina/net/blocks/std_conv_cuda.h"

#include <ATen/ATen.h>

#include "retina/tensor/cuda_program.h"

namespace retina::net::passes {
namespace {

constexpr unsigned kThreadsOfAKernel = 256;

// One block of threads for each output channel, which is read three times, from the caches but for
// the first. Weights lie in the order o, i, y, x, what is standardised in the order o, y, x, i.
constexpr const char* kStandardiseSource = R"cuda(
// The sum over the block's 256 threads, for all of them.
__device__ float over_block(float v) {
  __shared__ float sums[8];
  for (int step = 16; step > 0; step /= 2) v += __shfl_xor_sync(0xFFFFFFFFu, v, step);
  __syncthreads();  // the sums of the call before have been read
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = v;
  __syncthreads();
  float total = 0;
  for (int i = 0; i < 8; ++i) total += sums[i];
  return total;
}

template <class T> __device__ inline void standardise(const float* weight, T* out, float* mean_rstd, int inputs,
                                                      int area) {
  const int count = inputs * area;
  const float* w = weight + (long long)blockIdx.x * count;
  T* y = out + (long long)blockIdx.x * count;
  float sum = 0;
  for (int k = threadIdx.x; k < count; k += blockDim.x) sum += w[k];
  const float mean = over_block(sum) / count;
  float squares = 0;
  for (int k = threadIdx.x; k < count; k += blockDim.x) squares += (w[k] - mean) * (w[k] - mean);
  const float rstd = 1 / sqrtf(over_block(squares) / count + 1e-5f);
  for (int k = threadIdx.x; k < count; k += blockDim.x) put((w[k] - mean) * rstd, y[k % area * inputs + k / area]);
  if (threadIdx.x == 0) {
    mean_rstd[2 * blockIdx.x] = mean;
    mean_rstd[2 * blockIdx.x + 1] = rstd;
  }
}

template <class T> __device__ inline void backward(const float* weight, const float* mean_rstd, const T* gradient,
                                                   float* out, int inputs, int area) {
  const int count = inputs * area;
  const float* w = weight + (long long)blockIdx.x * count;
  const T* g = gradient + (long long)blockIdx.x * count;
  float* dw = out + (long long)blockIdx.x * count;
  const float mean = mean_rstd[2 * blockIdx.x], rstd = mean_rstd[2 * blockIdx.x + 1];
  float sum = 0, product = 0;
  for (int k = threadIdx.x; k < count; k += blockDim.x) {
    const float d = value(g[k % area * inputs + k / area]);
    sum += d;
    product += d * (w[k] - mean);
  }
  const float of_all = over_block(sum) / count;
  const float of_deviation = over_block(product) * rstd * rstd / count;
  for (int k = threadIdx.x; k < count; k += blockDim.x) {
    dw[k] = rstd * (value(g[k % area * inputs + k / area]) - of_all - (w[k] - mean) * of_deviation);
  }
}

#define OF_TYPE(T, NAME)                                                                                          \
  extern "C" __global__ void standardise_##NAME(const float* weight, T* out, float* mean_rstd, int inputs, int area) { \
    standardise(weight, out, mean_rstd, inputs, area);                                                            \
  }                                                                                                               \
  extern "C" __global__ void backward_##NAME(const float* weight, const float* mean_rstd, const T* gradient,      \
                                             float* out, int inputs, int area) {                                  \
    backward(weight, mean_rstd, gradient, out, inputs, area);                                                     \
  }
OF_TYPE(float, float)
OF_TYPE(bf16, bf16)
)cuda";

tensor::CudaProgram& standardise_program() {
  static tensor::CudaProgram program(kStandardiseSource);
  return program;
}

void run_for_each_output(const std::string& kernel, const at::Tensor& weight_OIYX,
                         tensor::KernelArguments& arguments) {
  arguments.add(weight_OIYX.size(1)).add(weight_OIYX.size(2) * weight_OIYX.size(3));
  standardise_program().launch(kernel, weight_OIYX.device(),
                               {.blocks = {.x = static_cast<unsigned>(weight_OIYX.size(0))},
                                .threads = {.x = kThreadsOfAKernel}},
                               arguments);
}

}  // namespace

bool cuda_standardises(const at::Tensor& weight_OIYX) {
  return weight_OIYX.is_cuda() && weight_OIYX.scalar_type() == at::kFloat &&
         weight_OIYX.is_contiguous() && standardise_program().is_ready(weight_OIYX.device());
}

Standardised cuda_standardise(const at::Tensor& weight_OIYX, at::ScalarType type) {
  Standardised result{.weight_OIYX = at::empty_like(weight_OIYX, weight_OIYX.options().dtype(type),
                                                    at::MemoryFormat::ChannelsLast),
                      .mean_rstd_O2 = at::empty({weight_OIYX.size(0), 2}, weight_OIYX.options())};
  tensor::KernelArguments arguments;
  arguments.add(weight_OIYX).add(result.weight_OIYX).add(result.mean_rstd_O2);
  run_for_each_output(tensor::kernel_name("standardise", type), weight_OIYX, arguments);
  return result;
}

at::Tensor cuda_standardise_backward(const at::Tensor& weight_OIYX, const at::Tensor& mean_rstd_O2,
                                     const at::Tensor& gradient_OIYX) {
  const at::Tensor gradient = gradient_OIYX.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor result = at::empty_like(weight_OIYX);
  tensor::KernelArguments arguments;
  arguments.add(weight_OIYX).add(mean_rstd_O2).add(gradient).add(result);
  run_for_each_output(tensor::kernel_name("backward", gradient.scalar_type()), weight_OIYX,
                      arguments);
  return result;
}

}  // namespace retina::net::passes
