#include "retina/net/blocks/group_norm_kernels.h"

#include <bit>
#include <cmath>

// One copy per instruction set, chosen at load time; sanitizers cannot handle such functions.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RETINA_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define RETINA_CLONES
#endif

namespace retina::net::kernels {
namespace {

[[gnu::always_inline]] inline float load(float value) {
  return value;
}
[[gnu::always_inline]] inline float load(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

[[gnu::always_inline]] inline void store(float value, float& out) {
  out = value;
}
/// Rounds to nearest, ties to even; NaN stays NaN.
[[gnu::always_inline]] inline void store(float value, std::uint16_t& out) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  out = static_cast<std::uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? 0x7FC0U : rounded);
}

template <class T>
[[gnu::always_inline]] inline void moments(const T* x, Rows shape, float* __restrict sum,
                                           float* __restrict square_sum) {
  const std::int64_t channels = shape.channels;
  std::int64_t row = 0;
  for (; row + 4 <= shape.rows; row += 4) {  // four at once: the sums are loaded and stored less
    const T* __restrict first = x + row * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const float a = load(first[c]);
      const float b = load(first[c + channels]);
      const float d = load(first[c + 2 * channels]);
      const float e = load(first[c + 3 * channels]);
      sum[c] += (a + b) + (d + e);
      square_sum[c] += (a * a + b * b) + (d * d + e * e);
    }
  }
  for (; row < shape.rows; ++row) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float a = load(x[row * channels + c]);
      sum[c] += a;
      square_sum[c] += a * a;
    }
  }
}

template <bool kShortcut, bool kRelu, class T>
[[gnu::always_inline]] inline void affine_rows(const T* x, const T* shortcut, Rows shape,
                                               const float* __restrict scale,
                                               const float* __restrict shift, T* y) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const T* __restrict in = x + row * shape.channels;
    const T* __restrict add = kShortcut ? shortcut + row * shape.channels : in;
    T* __restrict out = y + row * shape.channels;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      float value = load(in[c]) * scale[c] + shift[c];
      if constexpr (kShortcut) {
        value += load(add[c]);
      }
      if constexpr (kRelu) {
        value = value < 0.0F ? 0.0F : value;  // keeps NaN, as torch does
      }
      store(value, out[c]);
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void affine_any(const T* x, const T* shortcut, Rows shape,
                                              Affine affine, T* y) {
  if (shortcut != nullptr && affine.relu) {
    affine_rows<true, true>(x, shortcut, shape, affine.scale, affine.shift, y);
  } else if (shortcut != nullptr) {
    affine_rows<true, false>(x, shortcut, shape, affine.scale, affine.shift, y);
  } else if (affine.relu) {
    affine_rows<false, true>(x, shortcut, shape, affine.scale, affine.shift, y);
  } else {
    affine_rows<false, false>(x, shortcut, shape, affine.scale, affine.shift, y);
  }
}

template <bool kRelu, class T>
[[gnu::always_inline]] inline void backward_sums_rows(const T* x, const T* y, const T* dy,
                                                      Rows shape, T* masked,
                                                      float* __restrict product_sum,
                                                      float* __restrict sum) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const std::int64_t first = row * shape.channels;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const float gradient = load(dy[first + c]);
      const float passed = !kRelu || load(y[first + c]) > 0.0F ? gradient : 0.0F;
      product_sum[c] += passed * load(x[first + c]);
      sum[c] += passed;
      if constexpr (kRelu) {
        store(passed, masked[first + c]);
      }
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void backward_input_rows(const T* x, const T* masked, Rows shape,
                                                       const float* __restrict of_masked,
                                                       const float* __restrict of_x,
                                                       const float* __restrict offset, T* dx) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const T* __restrict in = x + row * shape.channels;
    const T* __restrict gradient = masked + row * shape.channels;
    T* __restrict out = dx + row * shape.channels;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      store(load(gradient[c]) * of_masked[c] + load(in[c]) * of_x[c] + offset[c], out[c]);
    }
  }
}

}  // namespace

RETINA_CLONES void add_moments(const float* x, Rows shape, float* sum, float* square_sum) {
  moments(x, shape, sum, square_sum);
}

RETINA_CLONES void add_moments(const std::uint16_t* x, Rows shape, float* sum, float* square_sum) {
  moments(x, shape, sum, square_sum);
}

RETINA_CLONES void apply_affine(const float* x, const float* shortcut, Rows shape, Affine affine,
                                float* y) {
  affine_any(x, shortcut, shape, affine, y);
}

RETINA_CLONES void apply_affine(const std::uint16_t* x, const std::uint16_t* shortcut, Rows shape,
                                Affine affine, std::uint16_t* y) {
  affine_any(x, shortcut, shape, affine, y);
}

RETINA_CLONES void backward_sums(const float* x, const float* y, const float* dy, Rows shape,
                                 float* masked, float* product_sum, float* sum) {
  if (y != nullptr) {
    backward_sums_rows<true>(x, y, dy, shape, masked, product_sum, sum);
  } else {
    backward_sums_rows<false>(x, y, dy, shape, masked, product_sum, sum);
  }
}

RETINA_CLONES void backward_sums(const std::uint16_t* x, const std::uint16_t* y,
                                 const std::uint16_t* dy, Rows shape, std::uint16_t* masked,
                                 float* product_sum, float* sum) {
  if (y != nullptr) {
    backward_sums_rows<true>(x, y, dy, shape, masked, product_sum, sum);
  } else {
    backward_sums_rows<false>(x, y, dy, shape, masked, product_sum, sum);
  }
}

RETINA_CLONES void backward_input(const float* x, const float* masked, Rows shape,
                                  BackwardFactors factors, float* dx) {
  backward_input_rows(x, masked, shape, factors.of_masked, factors.of_x, factors.offset, dx);
}

RETINA_CLONES void backward_input(const std::uint16_t* x, const std::uint16_t* masked, Rows shape,
                                  BackwardFactors factors, std::uint16_t* dx) {
  backward_input_rows(x, masked, shape, factors.of_masked, factors.of_x, factors.offset, dx);
}

}  // namespace retina::net::kernels
