#include "retina/augment/sample_kernel.h"

#include <algorithm>
#include <cmath>

// The same source for each instruction set; contraction to fused multiply-add is off
// (CMakeLists.txt), so all give equal values.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define RETINA_EACH_CPU \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RETINA_EACH_CPU
#endif

namespace retina::augment {

namespace {

constexpr int kOne = 1 << kWeightBits;

/// Where the pixels of one output row come from.
struct RowSource {
  std::vector<std::int32_t> index;     ///< of the upper left neighbour in the window
  std::vector<std::int32_t> weight_x;  ///< of the right neighbours, 0..kOne
  std::vector<std::int32_t> weight_y;  ///< of the lower neighbours

  explicit RowSource(int size)
      : index(static_cast<std::size_t>(size)), weight_x(index.size()), weight_y(index.size()) {}
};

/// SourceMap in the precision of the arithmetic.
struct FloatMap {
  float rx, ry, rx0, ry0;  ///< u = rx*x + rx0, v = ry*x + ry0 in this row
  float scale_x, scale_y, offset_x, offset_y, low_x, high_x, low_y, high_y;
  float fold_x, fold_y;
};

FloatMap row_map(const SourceMap& map, int row) {
  const auto y = static_cast<float>(row);
  const auto f = [](double v) { return static_cast<float>(v); };
  return {.rx = f(map.rotation[0]),
          .ry = f(map.rotation[3]),
          .rx0 = f(map.rotation[1]) * y + f(map.rotation[2]),
          .ry0 = f(map.rotation[4]) * y + f(map.rotation[5]),
          .scale_x = f(map.scale_x),
          .scale_y = f(map.scale_y),
          .offset_x = f(map.offset_x),
          .offset_y = f(map.offset_y),
          .low_x = f(map.low_x),
          .high_x = f(map.high_x),
          .low_y = f(map.low_y),
          .high_y = f(map.high_y),
          .fold_x = f(map.fold_x),
          .fold_y = f(map.fold_y)};
}

/// How often a coordinate may have to be reflected (see reflects_repeatedly).
enum class Reflection { none, once, repeated };

template <Reflection kReflection>
inline __attribute__((always_inline)) float reflect_into(float u, float fold) {
  if constexpr (kReflection == Reflection::none) {
    return u;
  }
  u = std::fabs(u);
  if constexpr (kReflection == Reflection::repeated) {
    // by way of int, as floor() is a call on old processors
    u -= fold * static_cast<float>(static_cast<std::int32_t>(u / fold));
  }
  return std::min(u, fold - u);
}

template <Reflection kReflection>
inline __attribute__((always_inline)) void locate_row(const FloatMap& m, const PlaneView& window,
                                                      int size, std::int32_t* index,
                                                      std::int32_t* weight_x,
                                                      std::int32_t* weight_y) {
  const auto width = static_cast<std::int32_t>(window.width);
  const auto last_x = width - 2;
  const auto last_y = static_cast<std::int32_t>(window.height) - 2;
  for (int x = 0; x < size; ++x) {
    const float u = reflect_into<kReflection>(m.rx * static_cast<float>(x) + m.rx0, m.fold_x);
    const float v = reflect_into<kReflection>(m.ry * static_cast<float>(x) + m.ry0, m.fold_y);
    const float qx = std::min(std::max(m.scale_x * u + m.offset_x, m.low_x), m.high_x);
    const float qy = std::min(std::max(m.scale_y * v + m.offset_y, m.low_y), m.high_y);
    const auto ix = std::min(static_cast<std::int32_t>(qx), last_x);
    const auto iy = std::min(static_cast<std::int32_t>(qy), last_y);
    weight_x[x] = static_cast<std::int32_t>((qx - static_cast<float>(ix)) * kOne + 0.5F);
    weight_y[x] = static_cast<std::int32_t>((qy - static_cast<float>(iy)) * kOne + 0.5F);
    index[x] = iy * width + ix;
  }
}

RETINA_EACH_CPU void locate_repeated(const FloatMap& m, const PlaneView& window, int size,
                                     std::int32_t* index, std::int32_t* weight_x,
                                     std::int32_t* weight_y) {
  locate_row<Reflection::repeated>(m, window, size, index, weight_x, weight_y);
}

RETINA_EACH_CPU void locate_reflected(const FloatMap& m, const PlaneView& window, int size,
                                      std::int32_t* index, std::int32_t* weight_x,
                                      std::int32_t* weight_y) {
  locate_row<Reflection::once>(m, window, size, index, weight_x, weight_y);
}

RETINA_EACH_CPU void locate_plain(const FloatMap& m, const PlaneView& window, int size,
                                  std::int32_t* index, std::int32_t* weight_x,
                                  std::int32_t* weight_y) {
  locate_row<Reflection::none>(m, window, size, index, weight_x, weight_y);
}

void locate(const SampleJob& job, Reflection reflection, int y, RowSource& row) {
  const FloatMap m = row_map(job.map, y);
  std::int32_t* const index = row.index.data();
  std::int32_t* const weight_x = row.weight_x.data();
  std::int32_t* const weight_y = row.weight_y.data();
  switch (reflection) {
    case Reflection::none:
      return locate_plain(m, job.image, job.size, index, weight_x, weight_y);
    case Reflection::once:
      return locate_reflected(m, job.image, job.size, index, weight_x, weight_y);
    default:
      return locate_repeated(m, job.image, job.size, index, weight_x, weight_y);
  }
}

Reflection reflection_of(const SourceMap& map, int size) {
  if (map.fold_x <= 0) {
    return Reflection::none;
  }
  return reflects_repeatedly(map, size) ? Reflection::repeated : Reflection::once;
}

void bilinear_row(const PlaneView& window, const RowSource& row, std::uint8_t* out) {
  const std::int64_t width = window.width;
  for (std::size_t x = 0; x < row.index.size(); ++x) {
    const std::uint8_t* p = window.data + row.index[x];
    const int top = (p[0] << kWeightBits) + (p[1] - p[0]) * row.weight_x[x];
    const int bottom = (p[width] << kWeightBits) + (p[width + 1] - p[width]) * row.weight_x[x];
    const int value = (top << kWeightBits) + (bottom - top) * row.weight_y[x];
    out[x] = static_cast<std::uint8_t>((value + (1 << (2 * kWeightBits - 1))) >> (2 * kWeightBits));
  }
}

void nearest_row(const PlaneView& window, const RowSource& row, std::int64_t* out) {
  for (std::size_t x = 0; x < row.index.size(); ++x) {
    const std::int64_t right = row.weight_x[x] >= kOne / 2 ? 1 : 0;
    const std::int64_t below = row.weight_y[x] >= kOne / 2 ? window.width : 0;
    out[x] = window.data[row.index[x] + right + below];
  }
}

void warp(const SampleJob& job, std::uint8_t* image, std::int64_t* labels) {
  RowSource row(job.size);
  const Reflection reflection = reflection_of(job.map, job.size);
  for (int y = 0; y < job.size; ++y) {
    locate(job, reflection, y, row);
    const std::int64_t start = static_cast<std::int64_t>(y) * job.size;
    bilinear_row(job.image, row, image + start);
    if (job.labels.data != nullptr) {
      nearest_row(job.labels, row, labels + start);
    }
  }
}

RETINA_EACH_CPU void fill_noise(std::uint64_t seed, std::int64_t words, std::uint64_t* out) {
  for (std::int64_t i = 0; i < words; ++i) {
    out[i] = noise_word(seed, static_cast<std::uint64_t>(i));
  }
}

void add_noise(std::span<std::uint8_t> pixels, float sigma, std::uint64_t seed) {
  const float* quantiles = normal_quantiles().data();
  std::vector<std::uint64_t> words((pixels.size() + 3) / 4);
  fill_noise(seed, static_cast<std::int64_t>(words.size()), words.data());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const float noise = quantiles[(words[i / 4] >> (16 * (i % 4))) & 0xFFFF];
    const float value = static_cast<float>(pixels[i]) + sigma * noise;
    pixels[i] = static_cast<std::uint8_t>(std::min(std::max(value, 0.0F), 255.0F));
  }
}

template <int kSide>
inline __attribute__((always_inline)) void blur_rows(const std::uint8_t* padded, const int* weights,
                                                     int size, std::uint16_t* out) {
  for (int x = 0; x < size; ++x) {
    int sum = 0;
    for (int k = 0; k < kSide; ++k) {
      sum += weights[k] * padded[x + k];
    }
    out[x] = static_cast<std::uint16_t>(sum);
  }
}

template <int kSide>
inline __attribute__((always_inline)) void blur_columns(const std::uint16_t* const* rows,
                                                        const int* weights, int shift, int size,
                                                        std::uint8_t* out) {
  for (int x = 0; x < size; ++x) {
    int sum = 1 << (shift - 1);
    for (int k = 0; k < kSide; ++k) {
      sum += weights[k] * rows[k][x];
    }
    out[x] = static_cast<std::uint8_t>(sum >> shift);
  }
}

RETINA_EACH_CPU void blur_row_of(int side, const std::uint8_t* padded, const int* weights, int size,
                                 std::uint16_t* out) {
  switch (side) {
    case 3:
      return blur_rows<3>(padded, weights, size, out);
    case 5:
      return blur_rows<5>(padded, weights, size, out);
    default:
      return blur_rows<7>(padded, weights, size, out);
  }
}

RETINA_EACH_CPU void blur_column_of(int side, const std::uint16_t* const* rows, const int* weights,
                                    int shift, int size, std::uint8_t* out) {
  switch (side) {
    case 3:
      return blur_columns<3>(rows, weights, shift, size, out);
    case 5:
      return blur_columns<5>(rows, weights, shift, size, out);
    default:
      return blur_columns<7>(rows, weights, shift, size, out);
  }
}

void blur(std::vector<std::uint8_t>& pixels, int size, int side) {
  const BlurKernel kernel = blur_kernel(side);
  const int reach = side / 2;
  const auto n = static_cast<std::size_t>(size);
  std::vector<std::uint16_t> rows(n * n);
  std::vector<std::uint8_t> padded(n + 6);
  for (int y = 0; y < size; ++y) {
    const std::uint8_t* row = pixels.data() + static_cast<std::size_t>(y) * n;
    auto* const first = padded.data() + reach;
    std::copy_n(row, n, first);
    for (int k = 1; k <= reach; ++k) {
      first[-k] = row[reflect_101(-k, size)];
      first[size - 1 + k] = row[reflect_101(size - 1 + k, size)];
    }
    blur_row_of(side, padded.data(), kernel.weights.data(), size,
                rows.data() + static_cast<std::size_t>(y) * n);
  }
  for (int y = 0; y < size; ++y) {
    const std::uint16_t* near[7] = {};
    for (int k = 0; k < side; ++k) {
      near[k] = rows.data() + reflect_101(y - reach + k, size) * size;
    }
    blur_column_of(side, near, kernel.weights.data(), 2 * kernel.shift, size,
                   pixels.data() + static_cast<std::size_t>(y) * n);
  }
}

void blacken(std::vector<std::uint8_t>& pixels, std::int64_t size, const std::vector<Crop>& holes) {
  for (const Crop& hole : holes) {
    for (std::int64_t y = hole.y; y < hole.y + hole.height; ++y) {
      std::fill_n(pixels.begin() + y * size + hole.x, hole.width, std::uint8_t{0});
    }
  }
}

RETINA_EACH_CPU void normalise_pixels(const std::uint8_t* pixels, std::int64_t count, float offset,
                                      float factor, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = (static_cast<float>(pixels[i]) - offset) * factor;
  }
}

}  // namespace

bool window_is_box(const Geometry& g) {
  return g.window == Crop{g.box.start[1], g.box.start[2], g.box.shape[1], g.box.shape[2]};
}

std::vector<std::uint8_t> reflect_window(const PlaneView& box_pixels, const Geometry& g) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(g.window.height * g.window.width));
  auto target = out.begin();
  for (std::int64_t y = 0; y < g.window.height; ++y) {
    const std::int64_t source_y = reflect_101(g.window.y + y, g.plane_shape[1]) - g.box.start[1];
    const std::uint8_t* row = box_pixels.data + source_y * box_pixels.width;
    for (std::int64_t x = 0; x < g.window.width; ++x) {
      *target++ = row[reflect_101(g.window.x + x, g.plane_shape[2]) - g.box.start[2]];
    }
  }
  return out;
}

void render_sample(const SampleJob& job, float* image, std::int64_t* labels) {
  const auto count = static_cast<std::size_t>(job.size) * static_cast<std::size_t>(job.size);
  std::vector<std::uint8_t> pixels(count);
  warp(job, pixels.data(), labels);
  if (job.clean != nullptr) {
    normalise_pixels(pixels.data(), static_cast<std::int64_t>(count), job.normalisation.offset,
                     job.normalisation.factor, job.clean);
  }
  std::transform(pixels.begin(), pixels.end(), pixels.begin(),
                 [&](std::uint8_t v) { return job.table[v]; });
  if (job.noise_sigma > 0) {
    add_noise(pixels, job.noise_sigma, job.noise_seed);
  }
  if (job.blur_side > 1) {
    blur(pixels, job.size, job.blur_side);
  }
  if (job.holes != nullptr) {
    blacken(pixels, job.size, *job.holes);
  }
  normalise_pixels(pixels.data(), static_cast<std::int64_t>(count), job.normalisation.offset,
                   job.normalisation.factor, image);
}

}  // namespace retina::augment
