#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/dtype.h"

namespace retina::core {

/// A dense block of voxels in memory, C order, axes c,z,y,x (x fastest); owns its bytes (zero at
/// birth).
class Array {
 public:
  Array() = default;
  Array(DType dtype, int channels, const Vec3& shape);

  DType dtype() const { return dtype_; }
  int channels() const { return channels_; }
  const Vec3& shape() const { return shape_; }  ///< z, y, x
  std::int64_t voxels() const;                  ///< z*y*x, one channel
  std::int64_t elements() const { return voxels() * channels_; }

  std::span<std::byte> bytes() { return bytes_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  /// The elements as T; throws internal if T is not the dtype.
  template <class T>
  std::span<T> values() {
    require(dtype_of<T>());
    return {reinterpret_cast<T*>(bytes_.data()), static_cast<std::size_t>(elements())};
  }
  template <class T>
  std::span<const T> values() const {
    require(dtype_of<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<std::size_t>(elements())};
  }

  /// Element (c, z, y, x); bounds are the caller's.
  template <class T>
  T& at(int c, std::int64_t z, std::int64_t y, std::int64_t x) {
    return values<T>()[static_cast<std::size_t>(index(c, z, y, x))];
  }
  template <class T>
  const T& at(int c, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return values<T>()[static_cast<std::size_t>(index(c, z, y, x))];
  }

  bool operator==(const Array&) const = default;

 private:
  void require(DType dtype) const;
  std::int64_t index(int c, std::int64_t z, std::int64_t y, std::int64_t x) const {
    return ((c * shape_[0] + z) * shape_[1] + y) * shape_[2] + x;
  }

  DType dtype_ = DType::u8;
  int channels_ = 0;
  Vec3 shape_{0, 0, 0};
  std::vector<std::byte> bytes_;
};

/// Copies the part of `source` (whose first voxel lies at `source_start` of a common grid) that
/// meets `target` (at `target_start`). Same dtype and channels; voxels of target outside source
/// stay as they are.
void copy_overlap(const Array& source, const Vec3& source_start, Array& target,
                  const Vec3& target_start);

/// One of the channels of `values`.
Array channel_of(const Array& values, int channel);

/// Element-wise static_cast to another dtype (saturating at the target's range, NaN to 0).
Array convert(const Array& source, DType dtype);

}  // namespace retina::core
