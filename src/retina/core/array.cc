#include "retina/core/array.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace retina::core {
namespace {

std::size_t byte_count(DType dtype, int channels, const Vec3& shape) {
  std::int64_t count = static_cast<std::int64_t>(size_of(dtype));
  for (const std::int64_t side :
       {static_cast<std::int64_t>(channels), shape[0], shape[1], shape[2]}) {
    if (side < 0 || __builtin_mul_overflow(count, side, &count)) {
      throw Error(ErrorKind::resource,
                  fmt::format("an array of {} channels x {} voxels does not fit in memory",
                              channels, to_string(shape)));
    }
  }
  return static_cast<std::size_t>(count);
}

template <class To, class From>
To saturate(From value) {
  if constexpr (std::is_floating_point_v<To>) {
    return static_cast<To>(value);
  } else if constexpr (std::is_floating_point_v<From>) {
    if (std::isnan(value)) {
      return 0;
    }
    // the largest integer may round up as a float: compare with >= so that the cast stays defined
    if (value >= static_cast<From>(std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    if (value <= static_cast<From>(std::numeric_limits<To>::lowest())) {
      return std::numeric_limits<To>::lowest();
    }
    return static_cast<To>(value);
  } else {
    if (std::cmp_greater(value, std::numeric_limits<To>::max())) {
      return std::numeric_limits<To>::max();
    }
    if (std::cmp_less(value, std::numeric_limits<To>::lowest())) {
      return std::numeric_limits<To>::lowest();
    }
    return static_cast<To>(value);
  }
}

}  // namespace

Array::Array(DType dtype, int channels, const Vec3& shape)
    : dtype_(dtype),
      channels_(channels),
      shape_(shape),
      bytes_(byte_count(dtype, channels, shape)) {}

std::int64_t Array::voxels() const {
  return shape_[0] * shape_[1] * shape_[2];
}

void Array::require(DType dtype) const {
  if (dtype != dtype_) {
    throw Error(ErrorKind::internal,
                fmt::format("array of {} read as {}", name_of(dtype_), name_of(dtype)));
  }
}

void copy_overlap(const Array& source, const Vec3& source_start, Array& target,
                  const Vec3& target_start) {
  if (source.dtype() != target.dtype() || source.channels() != target.channels()) {
    throw Error(ErrorKind::internal, "copy_overlap: arrays differ in dtype or channels");
  }
  const Box3 common = intersect({source_start, source.shape()}, {target_start, target.shape()});
  const std::size_t item = size_of(source.dtype());
  const auto offset = [item](const Array& array, const Vec3& start, int c, std::int64_t z,
                             std::int64_t y, std::int64_t x) {
    const Vec3& s = array.shape();
    const std::int64_t index =
        ((c * s[0] + z - start[0]) * s[1] + y - start[1]) * s[2] + x - start[2];
    return static_cast<std::size_t>(index) * item;
  };
  const std::size_t row = static_cast<std::size_t>(common.shape[2]) * item;
  for (int c = 0; c < source.channels(); ++c) {
    for (std::int64_t z = common.start[0]; z < common.stop()[0]; ++z) {
      for (std::int64_t y = common.start[1]; y < common.stop()[1]; ++y) {
        std::memcpy(target.bytes().data() + offset(target, target_start, c, z, y, common.start[2]),
                    source.bytes().data() + offset(source, source_start, c, z, y, common.start[2]),
                    row);
      }
    }
  }
}

Array channel_of(const Array& values, int channel) {
  Array part(values.dtype(), 1, values.shape());
  const std::size_t size = part.bytes().size();
  const auto from = values.bytes().subspan(static_cast<std::size_t>(channel) * size, size);
  std::copy(from.begin(), from.end(), part.bytes().begin());
  return part;
}

Array convert(const Array& source, DType dtype) {
  Array result(dtype, source.channels(), source.shape());
  dispatch(source.dtype(), [&](auto from) {
    dispatch(dtype, [&](auto to) {
      const auto in = source.values<decltype(from)>();
      const auto out = result.values<decltype(to)>();
      for (std::size_t i = 0; i < in.size(); ++i) {
        out[i] = saturate<decltype(to)>(in[i]);
      }
    });
  });
  return result;
}

}  // namespace retina::core
