#include "retina/net/blocks/upsample_concat.h"

#include <optional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "retina/tensor/cuda_program.h"

namespace retina::net {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr unsigned kThreadsOfARow = 256;

// A thread takes one pack of channels of one pixel. Row and column positions are those of torch:
// place * (side - 1) / (2 * side - 1).
constexpr const char* kUpsampleSource = R"cuda(
template <class T> __device__ inline void add(const T* from, float weight, float* to) {
  Raw<T> raw;
  raw.all = *reinterpret_cast<const uint4*>(from);
#pragma unroll
  for (int i = 0; i < Pack<T>::size; ++i) to[i] += weight * value(raw.each[i]);
}
struct Between {  // two neighbours and the share of the second
  int low, high;
  float share;
  __device__ Between(int place, float scale, int side) {
    const float at = scale * place;
    low = min(int(at), side - 1);
    high = min(low + 1, side - 1);
    share = at - low;
  }
};

template <class T> __device__ inline void forward(const T* x, const T* skip, T* out, int height, int width, int channels,
                                                  int skip_channels, float scale_y, float scale_x) {
  const int size = Pack<T>::size, all = channels + skip_channels, packs = all / size;
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= 2 * width * packs) return;
  const int column = index / packs, channel = index % packs * size, row = blockIdx.y;
  const long long image = blockIdx.z;
  const long long pixel = (image * 2 * height + row) * 2 * width + column;
  T* to = out + pixel * all + channel;
  if (channel >= channels) {
    *reinterpret_cast<uint4*>(to) =
        *reinterpret_cast<const uint4*>(skip + pixel * skip_channels + channel - channels);
    return;
  }
  const Between y(row, scale_y, height), s(column, scale_x, width);
  float v[Pack<T>::size] = {};
  const T* from = x + image * height * width * channels + channel;
  add(from + ((long long)y.low * width + s.low) * channels, (1 - y.share) * (1 - s.share), v);
  add(from + ((long long)y.low * width + s.high) * channels, (1 - y.share) * s.share, v);
  add(from + ((long long)y.high * width + s.low) * channels, y.share * (1 - s.share), v);
  add(from + ((long long)y.high * width + s.high) * channels, y.share * s.share, v);
  store(v, to);
}

// The first and the last place whose neighbours may include `at`.
__device__ inline int first_place(int at, float scale) { return scale > 0 ? max(0, int((at - 1) / scale)) : 0; }
__device__ inline int last_place(int at, float scale, int places) {
  return scale > 0 ? min(places - 1, int((at + 1) / scale) + 1) : places - 1;
}
// Weight of neighbour `at` in a place.
__device__ inline float weight(int at, const Between& b) {
  return (b.low == at ? 1 - b.share : 0) + (b.high == at ? b.share : 0);
}

template <class T> __device__ inline void backward(const T* gradient, T* dx, int height, int width, int channels, int all,
                                                   float scale_y, float scale_x) {
  const int size = Pack<T>::size, packs = channels / size;
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= width * packs) return;
  const int column = index / packs, channel = index % packs * size, row = blockIdx.y;
  const long long image = blockIdx.z;
  const T* from = gradient + image * 4 * height * width * all + channel;
  float v[Pack<T>::size] = {};
  const int last_y = last_place(row, scale_y, 2 * height), last_x = last_place(column, scale_x, 2 * width);
  for (int oy = first_place(row, scale_y); oy <= last_y; ++oy) {
    const float of_row = weight(row, Between(oy, scale_y, height));
    if (of_row == 0) continue;
    for (int ox = first_place(column, scale_x); ox <= last_x; ++ox) {
      const float share = of_row * weight(column, Between(ox, scale_x, width));
      if (share != 0) add(from + ((long long)oy * 2 * width + ox) * all, share, v);
    }
  }
  store(v, dx + ((image * height + row) * width + column) * channels + channel);
}

#define OF_TYPE(T, NAME)                                                                                              \
  extern "C" __global__ void forward_##NAME(const T* x, const T* skip, T* out, int height, int width, int channels,   \
                                            int skip_channels, double scale_y, double scale_x) {                      \
    forward(x, skip, out, height, width, channels, skip_channels, float(scale_y), float(scale_x));                    \
  }                                                                                                                   \
  extern "C" __global__ void backward_##NAME(const T* gradient, T* dx, int height, int width, int channels, int all,  \
                                             double scale_y, double scale_x) {                                        \
    backward(gradient, dx, height, width, channels, all, float(scale_y), float(scale_x));                             \
  }
OF_TYPE(float, float)
OF_TYPE(bf16, bf16)
)cuda";

tensor::CudaProgram& upsample_program() {
  static tensor::CudaProgram program(kUpsampleSource);
  return program;
}

/// Source pixels for each pixel of the result.
double scale_of(std::int64_t side) {
  return static_cast<double>(side - 1) / static_cast<double>(2 * side - 1);
}

/// A thread for every pack of 16 bytes of `tensor`, channels-last.
void launch_over(const at::Tensor& tensor, const char* direction,
                 tensor::KernelArguments& arguments) {
  const auto pack = static_cast<std::int64_t>(16 / tensor.element_size());
  const auto of_row = static_cast<unsigned>(tensor.size(3) * tensor.size(1) / pack);
  upsample_program().launch(tensor::kernel_name(direction, tensor.scalar_type()), tensor.device(),
                            {.blocks = {.x = (of_row + kThreadsOfARow - 1) / kThreadsOfARow,
                                        .y = static_cast<unsigned>(tensor.size(2)),
                                        .z = static_cast<unsigned>(tensor.size(0))},
                             .threads = {.x = kThreadsOfARow}},
                            arguments);
}

at::Tensor empty_channels_last(at::IntArrayRef shape, const at::Tensor& like) {
  return at::empty(shape, like.options().memory_format(at::MemoryFormat::ChannelsLast));
}

class UpsampleConcat : public torch::autograd::Function<UpsampleConcat> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& skip) {
    const at::Tensor from = x.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor beside =
        skip ? skip->to(x.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast) : at::Tensor();
    const std::int64_t skip_channels = skip ? skip->size(1) : 0;
    at::Tensor out = empty_channels_last(
        {x.size(0), x.size(1) + skip_channels, 2 * x.size(2), 2 * x.size(3)}, x);
    tensor::KernelArguments arguments;
    arguments.add(from).add(beside).add(out).add(x.size(2)).add(x.size(3)).add(x.size(1));
    arguments.add(skip_channels).add(scale_of(x.size(2))).add(scale_of(x.size(3)));
    launch_over(out, "forward", arguments);
    context->saved_data["channels"] = x.size(1);
    context->saved_data["skip"] = skip.has_value();
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const std::int64_t channels = context->saved_data["channels"].toInt();
    const std::int64_t height = gradient.size(2) / 2;
    const std::int64_t width = gradient.size(3) / 2;
    at::Tensor dx = empty_channels_last({gradient.size(0), channels, height, width}, gradient);
    tensor::KernelArguments arguments;
    arguments.add(gradient).add(dx).add(height).add(width).add(channels).add(gradient.size(1));
    arguments.add(scale_of(height)).add(scale_of(width));
    launch_over(dx, "backward", arguments);
    if (!context->saved_data["skip"].toBool()) {
      return {dx, {}};
    }
    return {dx, gradient.narrow(1, channels, gradient.size(1) - channels)
                    .contiguous(at::MemoryFormat::ChannelsLast)};
  }
};

bool has_kernels(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX) {
  const auto pack = static_cast<std::int64_t>(16 / x_NCYX.element_size());
  return tensor::fills_packs(x_NCYX) && (!skip_NCYX.defined() || skip_NCYX.size(1) % pack == 0) &&
         upsample_program().is_ready(x_NCYX.device());
}

}  // namespace

at::Tensor upsample_concat(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX) {
  if (has_kernels(x_NCYX, skip_NCYX)) {
    return UpsampleConcat::apply(
        x_NCYX, skip_NCYX.defined() ? std::make_optional(skip_NCYX) : std::nullopt);
  }
  at::Tensor y = at::upsample_bilinear2d(x_NCYX, {2 * x_NCYX.size(2), 2 * x_NCYX.size(3)}, true);
  return skip_NCYX.defined() ? at::cat({y, skip_NCYX}, 1) : y;
}

}  // namespace retina::net
