#include "retina/store/downsample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <type_traits>

namespace retina::store {

namespace {

/// The voxels, 8 at most, that become one.
template <class T>
struct Cell {
  std::array<T, 8> values{};
  std::size_t count = 0;
  std::span<T> used() { return std::span(values).first(count); }
};

template <class T>
T mean_of(Cell<T>& cell) {
  long double sum = 0;  // 64 bits of mantissa: exact for all integers here
  for (const T value : cell.used()) {
    sum += static_cast<long double>(value);
  }
  const long double mean = sum / static_cast<long double>(cell.count);
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(mean);
  } else {
    return static_cast<T>(std::floor(mean + 0.5L));
  }
}

template <class T>
T mode_of(Cell<T>& cell) {
  const std::span<T> values = cell.used();
  if (std::all_of(values.begin(), values.end(), [&](T v) { return v == values[0]; })) {
    return values[0];
  }
  std::sort(values.begin(), values.end());
  T best = values[0];
  std::ptrdiff_t most = 0;
  for (auto it = values.begin(); it != values.end();) {
    const auto end = std::upper_bound(it, values.end(), *it);
    if (end - it > most) {
      most = end - it;
      best = *it;
    }
    it = end;
  }
  return best;
}

template <class T>
T small_mean(Cell<T>& cell) {
  if constexpr (sizeof(T) <= 2 && std::is_integral_v<T> && std::is_unsigned_v<T>) {
    std::uint32_t sum = 0;
    for (const T value : cell.used()) {
      sum += value;
    }
    const auto n = static_cast<std::uint32_t>(cell.count);
    return static_cast<T>((2 * sum + n) / (2 * n));
  } else {
    return mean_of(cell);
  }
}

template <class T>
void reduce(const core::Array& in, const core::Vec3& factor, Reduction reduction,
            const core::Vec3& missing, core::Array& out) {
  const core::Vec3& n = in.shape();
  const core::Vec3& m = out.shape();
  const std::span<const T> source = in.values<T>();
  T* target = out.values<T>().data();
  for (std::int64_t c = 0; c < in.channels(); ++c) {
    for (std::int64_t i = 0; i < m[0] * m[1] * m[2]; ++i) {
      const core::Vec3 first{i / (m[1] * m[2]) * factor[0] - missing[0],
                             i / m[2] % m[1] * factor[1] - missing[1],
                             i % m[2] * factor[2] - missing[2]};
      Cell<T> cell;
      for (std::int64_t z = std::max<std::int64_t>(0, first[0]);
           z < std::min(n[0], first[0] + factor[0]); ++z) {
        for (std::int64_t y = std::max<std::int64_t>(0, first[1]);
             y < std::min(n[1], first[1] + factor[1]); ++y) {
          for (std::int64_t x = std::max<std::int64_t>(0, first[2]);
               x < std::min(n[2], first[2] + factor[2]); ++x) {
            const std::int64_t at = ((c * n[0] + z) * n[1] + y) * n[2] + x;
            cell.values[cell.count++] = source[static_cast<std::size_t>(at)];
          }
        }
      }
      *target++ = reduction == Reduction::mode ? mode_of(cell) : small_mean(cell);
    }
  }
}

}  // namespace

core::Array downsample(const core::Array& values, const core::Vec3& factor, Reduction reduction,
                       const core::Vec3& missing) {
  core::Vec3 shape{};
  for (std::size_t i = 0; i < 3; ++i) {
    shape[i] = (values.shape()[i] + missing[i] + factor[i] - 1) / factor[i];
  }
  core::Array out(values.dtype(), values.channels(), shape);
  core::dispatch(values.dtype(), [&](auto zero) {
    reduce<decltype(zero)>(values, factor, reduction, missing, out);
  });
  return out;
}

core::Vec3 reduced_at_once(const core::Vec3& cell, const core::Vec3& factor,
                           const core::Vec3& finer_chunk, std::int64_t finer_voxel_bytes) {
  constexpr std::int64_t kLittleBytes = std::int64_t{32} << 20;
  const std::int64_t voxels = core::whole(cell).voxels() * core::whole(factor).voxels();
  if (voxels <= kLittleBytes / finer_voxel_bytes) {
    return cell;
  }
  core::Vec3 piece{};
  for (std::size_t i = 0; i < 3; ++i) {
    piece[i] = std::min((finer_chunk[i] + factor[i] - 1) / factor[i], cell[i]);
  }
  return piece;
}

core::Vec3 pyramid_factor(const core::Vec3& shape, const std::optional<core::Vec3d>& voxel_nm) {
  const core::Vec3d voxel = voxel_nm.value_or(core::Vec3d{1, 1, 1});
  double smallest = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < 3; ++i) {
    if (shape[i] > 1) {
      smallest = std::min(smallest, voxel[i]);
    }
  }
  core::Vec3 factor{1, 1, 1};
  for (std::size_t i = 0; i < 3; ++i) {
    factor[i] = shape[i] > 1 && voxel[i] < 2 * smallest ? 2 : 1;
  }
  return factor;
}

std::vector<core::Vec3> pyramid_steps(core::Vec3 shape, std::optional<core::Vec3d> voxel_nm,
                                      int levels) {
  constexpr std::int64_t kSmallestSide = 64;
  std::vector<core::Vec3> steps;
  while (levels < 0 || static_cast<int>(steps.size()) < levels) {
    const core::Vec3 factor = pyramid_factor(shape, voxel_nm);
    std::int64_t smallest = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < 3; ++i) {
      smallest = factor[i] == 2 ? std::min(smallest, shape[i]) : smallest;
    }
    if (factor == core::Vec3{1, 1, 1} || (levels < 0 && smallest < kSmallestSide)) {
      break;
    }
    for (std::size_t i = 0; i < 3; ++i) {
      shape[i] = (shape[i] + factor[i] - 1) / factor[i];
      if (voxel_nm) {
        (*voxel_nm)[i] *= static_cast<double>(factor[i]);
      }
    }
    steps.push_back(factor);
  }
  return steps;
}

}  // namespace retina::store
