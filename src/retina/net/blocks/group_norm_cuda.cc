#include "retina/net/blocks/group_norm_cuda.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "retina/tensor/cuda_program.h"

namespace retina::net::passes {
namespace {

using tensor::CudaProgram;

/// Pixels that one block of threads goes through, at least; and into how many such chunks an image
/// is cut at most.
constexpr std::int64_t kLeastChunkPixels = 256;
constexpr std::int64_t kMostChunks = 512;
constexpr unsigned kThreads = 256;
constexpr unsigned kWarp = 32;
constexpr unsigned kWarpsOfABlock = 4;

// Every kernel over pixels has blocks of (packs of channels, rows of pixels) threads, in a grid of
// (tiles of channels, chunks of pixels, images): a thread stays with its channels, whose factors it
// keeps in registers.
constexpr const char* kSource = R"cuda(
struct Where {  // of one thread
  int channel;
  bool inside;
  int first, last;      // pixels
  long long image;      // offset of the image's first value
  __device__ Where(int pixels, int channels, int chunk, int pack)
      : channel((blockIdx.x * blockDim.x + threadIdx.x) * pack),
        inside(channel < channels),
        first(blockIdx.y * chunk + threadIdx.y),
        last(min(int(blockIdx.y + 1) * chunk, pixels)),
        image((long long)blockIdx.z * pixels * channels) {}
};

// Adds up a[] and b[] over the rows of the block; row 0 writes [images, chunks, channels, 2].
template <int N> __device__ inline void write_partial(float* a, float* b, const Where& at, int channels,
                                                      float* partial) {
  extern __shared__ float shared[];
  float* mine = shared + (threadIdx.y * blockDim.x + threadIdx.x) * 2 * N;
#pragma unroll
  for (int i = 0; i < N; ++i) { mine[i] = a[i]; mine[N + i] = b[i]; }
  for (int half = blockDim.y / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      const float* other = mine + half * blockDim.x * 2 * N;
#pragma unroll
      for (int i = 0; i < 2 * N; ++i) mine[i] += other[i];
    }
  }
  if (threadIdx.y == 0 && at.inside) {
    float* out = partial + (((long long)blockIdx.z * gridDim.y + blockIdx.y) * channels + at.channel) * 2;
#pragma unroll
    for (int i = 0; i < N; ++i) { out[2 * i] = mine[i]; out[2 * i + 1] = mine[N + i]; }
  }
}

template <class T> __device__ inline void moments(const T* x, float* partial, int pixels, int channels, int chunk) {
  enum { N = Pack<T>::size };
  const Where at(pixels, channels, chunk, N);
  float sum[N] = {}, square[N] = {};
  if (at.inside) {
    for (int p = at.first; p < at.last; p += blockDim.y) {
      float v[N];
      load(x + at.image + (long long)p * channels + at.channel, v);
#pragma unroll
      for (int i = 0; i < N; ++i) { sum[i] += v[i]; square[i] += v[i] * v[i]; }
    }
  }
  write_partial<N>(sum, square, at, channels, partial);
}

template <class T> __device__ inline void apply(const T* x, const T* shortcut, const float* scale, const float* shift,
                                                T* y, int pixels, int channels, int chunk, int relu) {
  enum { N = Pack<T>::size };
  const Where at(pixels, channels, chunk, N);
  if (!at.inside) return;
  float a[N], b[N];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    a[i] = scale[blockIdx.z * channels + at.channel + i];
    b[i] = shift[blockIdx.z * channels + at.channel + i];
  }
  for (int p = at.first; p < at.last; p += blockDim.y) {
    const long long place = at.image + (long long)p * channels + at.channel;
    float v[N];
    load(x + place, v);
#pragma unroll
    for (int i = 0; i < N; ++i) v[i] = v[i] * a[i] + b[i];
    if (shortcut) {
      float s[N];
      load(shortcut + place, s);
#pragma unroll
      for (int i = 0; i < N; ++i) v[i] += s[i];
    }
    if (relu) {
#pragma unroll
      for (int i = 0; i < N; ++i) v[i] = v[i] < 0 ? 0 : v[i];  // NaN stays NaN
    }
    store(v, y + place);
  }
}

// masked = y > 0 ? dy : 0 where there is a y; sums of masked * x and of masked.
template <class T> __device__ inline void backward_sums(const T* x, const T* y, const T* dy, T* masked, float* partial,
                                                        int pixels, int channels, int chunk) {
  enum { N = Pack<T>::size };
  const Where at(pixels, channels, chunk, N);
  float product[N] = {}, sum[N] = {};
  if (at.inside) {
    for (int p = at.first; p < at.last; p += blockDim.y) {
      const long long place = at.image + (long long)p * channels + at.channel;
      float v[N], d[N];
      load(x + place, v);
      load(dy + place, d);
      if (y) {
        float out[N];
        load(y + place, out);
#pragma unroll
        for (int i = 0; i < N; ++i) d[i] = out[i] > 0 ? d[i] : 0;
        store(d, masked + place);
      }
#pragma unroll
      for (int i = 0; i < N; ++i) { product[i] += d[i] * v[i]; sum[i] += d[i]; }
    }
  }
  write_partial<N>(product, sum, at, channels, partial);
}

template <class T> __device__ inline void backward_input(const T* x, const T* masked, const float* of_masked,
                                                         const float* of_x, const float* offset, T* dx, int pixels,
                                                         int channels, int chunk) {
  enum { N = Pack<T>::size };
  const Where at(pixels, channels, chunk, N);
  if (!at.inside) return;
  float a[N], b[N], c[N];
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const int k = blockIdx.z * channels + at.channel + i;
    a[i] = of_masked[k];
    b[i] = of_x[k];
    c[i] = offset[k];
  }
  for (int p = at.first; p < at.last; p += blockDim.y) {
    const long long place = at.image + (long long)p * channels + at.channel;
    float v[N], d[N];
    load(x + place, v);
    load(masked + place, d);
#pragma unroll
    for (int i = 0; i < N; ++i) d[i] = d[i] * a[i] + v[i] * b[i] + c[i];
    store(d, dx + place);
  }
}

#define OF_TYPE(T, NAME)                                                                                              \
  extern "C" __global__ void moments_##NAME(const T* x, float* partial, int pixels, int channels, int chunk) {        \
    moments(x, partial, pixels, channels, chunk);                                                                     \
  }                                                                                                                   \
  extern "C" __global__ void apply_##NAME(const T* x, const T* shortcut, const float* scale, const float* shift, T* y, \
                                          int pixels, int channels, int chunk, int relu) {                            \
    apply(x, shortcut, scale, shift, y, pixels, channels, chunk, relu);                                               \
  }                                                                                                                   \
  extern "C" __global__ void backward_sums_##NAME(const T* x, const T* y, const T* dy, T* masked, float* partial,      \
                                                  int pixels, int channels, int chunk) {                              \
    backward_sums(x, y, dy, masked, partial, pixels, channels, chunk);                                                \
  }                                                                                                                   \
  extern "C" __global__ void backward_input_##NAME(const T* x, const T* masked, const float* of_masked,               \
                                                   const float* of_x, const float* offset, T* dx, int pixels,         \
                                                   int channels, int chunk) {                                         \
    backward_input(x, masked, of_masked, of_x, offset, dx, pixels, channels, chunk);                                  \
  }
OF_TYPE(float, float)
OF_TYPE(bf16, bf16)

__device__ inline double over_warp(double v) {
  for (int step = 16; step > 0; step /= 2) v += __shfl_xor_sync(0xFFFFFFFFu, v, step);
  return v;
}

// One warp for each group of each image.
extern "C" __global__ void factors(const float* partial, const float* weight, const float* bias, float* mean_rstd,
                                   float* scale, float* shift, int images, int groups, int channels, int chunks,
                                   double count, double eps) {
  const int index = blockIdx.x * blockDim.y + threadIdx.y;
  if (index >= images * groups) return;
  const int image = index / groups, width = channels / groups, begin = index % groups * width;
  double total = 0, squares = 0;
  for (int i = threadIdx.x; i < chunks * width; i += 32) {
    const float* sums = partial + (((long long)image * chunks + i / width) * channels + begin + i % width) * 2;
    total += sums[0];
    squares += sums[1];
  }
  const double mean = over_warp(total) / count;
  const double variance = max(over_warp(squares) / count - mean * mean, 0.0);
  const double rstd = 1 / sqrt(variance + eps);
  if (threadIdx.x == 0) {
    mean_rstd[2 * index] = float(mean);
    mean_rstd[2 * index + 1] = float(rstd);
  }
  for (int c = begin + threadIdx.x; c < begin + width; c += 32) {
    const double factor = rstd * weight[c];
    scale[image * channels + c] = float(factor);
    shift[image * channels + c] = float(bias[c] - mean * factor);
  }
}

extern "C" __global__ void backward_factors(const float* partial, const float* weight, const float* mean_rstd,
                                            float* dweight, float* dbias, float* of_masked, float* of_x, float* offset,
                                            int images, int groups, int channels, int chunks, double count) {
  const int index = blockIdx.x * blockDim.y + threadIdx.y;
  if (index >= images * groups) return;
  const int image = index / groups, width = channels / groups, begin = index % groups * width;
  const double mean = mean_rstd[2 * index], rstd = mean_rstd[2 * index + 1];
  double gradient = 0, product = 0;  // of the normalised values; the same times x
  // a lane for each channel, or all lanes for one after the other
  const bool alone = width >= 32;
  for (int c = begin + (alone ? threadIdx.x : 0); c < begin + width; c += alone ? 32 : 1) {
    double product_sum = 0, sum = 0;
    for (int k = alone ? 0 : threadIdx.x; k < chunks; k += alone ? 1 : 32) {
      const float* sums = partial + (((long long)image * chunks + k) * channels + c) * 2;
      product_sum += sums[0];
      sum += sums[1];
    }
    if (!alone) {
      product_sum = over_warp(product_sum);
      sum = over_warp(sum);
    }
    if (alone || threadIdx.x == 0) {
      dweight[image * channels + c] = float(rstd * (product_sum - mean * sum));
      dbias[image * channels + c] = float(sum);
      gradient += weight[c] * sum;
      product += weight[c] * product_sum;
    }
  }
  gradient = over_warp(gradient);
  product = over_warp(product);
  const double slope = -rstd * rstd * rstd * (product - mean * gradient) / count;
  const double constant = -rstd * gradient / count - slope * mean;
  for (int c = begin + threadIdx.x; c < begin + width; c += 32) {
    of_masked[image * channels + c] = float(rstd * weight[c]);
    of_x[image * channels + c] = float(slope);
    offset[image * channels + c] = float(constant);
  }
}
)cuda";

CudaProgram& norm_program() {
  static CudaProgram program(kSource);
  return program;
}

/// How the kernels over pixels are cut into blocks.
struct Tiling {
  CudaProgram::Shape shape;
  std::int64_t chunk_pixels = 1;
  std::int64_t chunks = 1;
};

unsigned power_of_two_up_to(unsigned limit) {
  unsigned power = 1;
  while (2 * power <= limit) {
    power *= 2;
  }
  return power;
}

Tiling tiling_of(const Layout& layout, const at::Tensor& x) {
  const auto pack = static_cast<std::int64_t>(16 / x.element_size());
  const std::int64_t packs = layout.channels / pack;
  const auto width = static_cast<unsigned>(std::min<std::int64_t>(packs, kWarp));
  const unsigned rows = power_of_two_up_to(kThreads / width);
  const std::int64_t chunk_pixels =
      std::max(kLeastChunkPixels, (layout.pixels + kMostChunks - 1) / kMostChunks);
  const std::int64_t chunks = (layout.pixels + chunk_pixels - 1) / chunk_pixels;
  return {.shape = {.blocks = {.x = static_cast<unsigned>((packs + width - 1) / width),
                               .y = static_cast<unsigned>(chunks),
                               .z = static_cast<unsigned>(layout.images)},
                    .threads = {.x = width, .y = rows, .z = 1},
                    .shared_bytes = width * rows * 2 *
                                    static_cast<unsigned>(pack * std::int64_t{sizeof(float)})},
          .chunk_pixels = chunk_pixels,
          .chunks = chunks};
}

CudaProgram::Shape a_warp_for_each_group(const Layout& layout) {
  const auto warps = static_cast<unsigned>(layout.images * layout.groups);
  return {.blocks = {.x = (warps + kWarpsOfABlock - 1) / kWarpsOfABlock, .y = 1, .z = 1},
          .threads = {.x = kWarp, .y = kWarpsOfABlock, .z = 1},
          .shared_bytes = 0};
}

void launch(const std::string& kernel, const at::Tensor& x, const CudaProgram::Shape& shape,
            tensor::KernelArguments& arguments) {
  norm_program().launch(kernel, x.device(), shape, arguments);
}

std::string of_type(const char* kernel, const at::Tensor& x) {
  return tensor::kernel_name(kernel, x.scalar_type());
}

at::Tensor floats(const at::Tensor& like, at::IntArrayRef shape) {
  return at::empty(shape,
                   like.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous));
}

}  // namespace

bool cuda_takes(const at::Tensor& x_NCYX) {
  return tensor::fills_packs(x_NCYX) && norm_program().is_ready(x_NCYX.device());
}

ForwardResult cuda_forward(const Arguments& arguments) {
  const at::Tensor& x = arguments.x;
  const Layout layout = layout_of(x, arguments.groups);
  const Tiling tiling = tiling_of(layout, x);
  const at::Tensor partial = floats(x, {layout.images, tiling.chunks, layout.channels, 2});
  const at::Tensor scale = floats(x, {layout.images, layout.channels});
  const at::Tensor shift = floats(x, {layout.images, layout.channels});
  const ForwardResult result{.y = at::empty_like(x),
                             .mean_rstd = floats(x, {layout.images, layout.groups, 2})};
  tensor::KernelArguments moments;
  moments.add(x).add(partial).add(layout.pixels).add(layout.channels).add(tiling.chunk_pixels);
  launch(of_type("moments", x), x, tiling.shape, moments);
  tensor::KernelArguments factors;
  factors.add(partial)
      .add(arguments.weight)
      .add(arguments.bias)
      .add(result.mean_rstd)
      .add(scale)
      .add(shift);
  factors.add(layout.images).add(layout.groups).add(layout.channels).add(tiling.chunks);
  factors.add(layout.group_values()).add(arguments.eps);
  launch("factors", x, a_warp_for_each_group(layout), factors);
  tensor::KernelArguments apply;
  apply.add(x).add(arguments.shortcut).add(scale).add(shift).add(result.y);
  apply.add(layout.pixels)
      .add(layout.channels)
      .add(tiling.chunk_pixels)
      .add(std::int64_t{arguments.relu});
  launch(of_type("apply", x), x, tiling.shape, apply);
  return result;
}

void cuda_backward(const Gradients& tensors) {
  const at::Tensor& x = tensors.x;
  const Layout layout = layout_of(x, tensors.groups);
  const Tiling tiling = tiling_of(layout, x);
  const at::Tensor partial = floats(x, {layout.images, tiling.chunks, layout.channels, 2});
  const at::Tensor of_masked = floats(x, {layout.images, layout.channels});
  const at::Tensor of_x = at::empty_like(of_masked);
  const at::Tensor offset = at::empty_like(of_masked);
  tensor::KernelArguments sums;
  sums.add(x).add(tensors.y).add(tensors.dy).add(tensors.masked).add(partial);
  sums.add(layout.pixels).add(layout.channels).add(tiling.chunk_pixels);
  launch(of_type("backward_sums", x), x, tiling.shape, sums);
  tensor::KernelArguments factors;
  factors.add(partial)
      .add(tensors.weight)
      .add(tensors.mean_rstd)
      .add(tensors.dweight_NC)
      .add(tensors.dbias_NC);
  factors.add(of_masked).add(of_x).add(offset);
  factors.add(layout.images).add(layout.groups).add(layout.channels).add(tiling.chunks);
  factors.add(layout.group_values());
  launch("backward_factors", x, a_warp_for_each_group(layout), factors);
  tensor::KernelArguments input;
  input.add(x).add(tensors.masked).add(of_masked).add(of_x).add(offset).add(tensors.dx);
  input.add(layout.pixels).add(layout.channels).add(tiling.chunk_pixels);
  launch(of_type("backward_input", x), x, tiling.shape, input);
}

}  // namespace retina::net::passes
