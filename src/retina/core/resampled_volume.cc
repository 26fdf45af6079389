#include "retina/core/resampled_volume.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace retina::core {
namespace {

/// Source voxels that are read and weighted at once.
constexpr std::int64_t kPartVoxels = std::int64_t{1} << 21;

/// The source voxels that make one voxel along one axis.
struct Taps {
  std::int64_t first = 0;
  std::vector<double> weights;

  std::int64_t stop() const { return first + std::ssize(weights); }
};

/// Of voxel `at` of `count` over a side of `from` voxels. Whole-number arithmetic: no place of the
/// grid is subject to rounding.
Taps taps_of(std::int64_t at, std::int64_t count, std::int64_t from, Resampling how) {
  if (from == count) {
    return {at, {1.0}};
  }
  if (how == Resampling::nearest) {
    return {(2 * at + 1) * from / (2 * count), {1.0}};
  }
  Taps taps;
  if (from > count) {
    taps.first = at * from / count;
    for (std::int64_t i = taps.first; i * count < (at + 1) * from; ++i) {
      const std::int64_t overlap =
          std::min((i + 1) * count, (at + 1) * from) - std::max(i * count, at * from);
      taps.weights.push_back(static_cast<double>(overlap) / static_cast<double>(from));
    }
    return taps;
  }
  const std::int64_t centre = std::max<std::int64_t>(0, (2 * at + 1) * from - count);
  taps.first = centre / (2 * count);
  const std::int64_t rest = centre % (2 * count);
  if (rest == 0 || taps.first + 1 >= from) {
    taps.weights = {1.0};
  } else {
    const double share = static_cast<double>(rest) / static_cast<double>(2 * count);
    taps.weights = {1 - share, share};
  }
  return taps;
}

/// Weighted sums along one axis of values [outer, side, inner].
class AxisSum {
 public:
  AxisSum(std::vector<Taps> taps, std::int64_t first) : taps_(std::move(taps)), first_(first) {}

  std::vector<double> run(const std::vector<double>& values, std::int64_t inner,
                          std::int64_t side) const {
    const std::int64_t outer = std::ssize(values) / (side * inner);
    std::vector<double> sums(static_cast<std::size_t>(outer * std::ssize(taps_) * inner), 0.0);
    double* out = sums.data();
    for (std::int64_t block = 0; block < outer; ++block) {
      for (const Taps& taps : taps_) {
        const double* in = values.data() + (block * side + taps.first - first_) * inner;
        for (const double weight : taps.weights) {
          for (std::int64_t i = 0; i < inner; ++i) {
            out[i] += weight * in[i];
          }
          in += inner;
        }
        out += inner;
      }
    }
    return sums;
  }

 private:
  std::vector<Taps> taps_;
  std::int64_t first_;
};

template <class T>
T rounded(double value) {
  if constexpr (std::is_integral_v<T>) {
    constexpr auto kLow = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto kHigh = static_cast<double>(std::numeric_limits<T>::max());
    const double whole = std::floor(value + 0.5);
    if (!(whole > kLow)) {
      return std::numeric_limits<T>::min();
    }
    return whole >= kHigh ? std::numeric_limits<T>::max() : static_cast<T>(whole);
  } else {
    return static_cast<T>(value);
  }
}

std::vector<Taps> taps_along(const Box3& box, std::size_t axis, const Vec3& shape,
                             const Vec3& source, Resampling how) {
  std::vector<Taps> taps;
  for (std::int64_t i = box.start[axis]; i < box.stop()[axis]; ++i) {
    taps.push_back(taps_of(i, shape[axis], source[axis], how));
  }
  return taps;
}

template <class T>
void pick_nearest(const Array& from, const std::array<std::vector<Taps>, 3>& taps,
                  const Vec3& start, Array& to) {
  auto out = to.values<T>().begin();
  for (int c = 0; c < to.channels(); ++c) {
    for (const Taps& z : taps[0]) {
      for (const Taps& y : taps[1]) {
        const T* row = &from.at<T>(c, z.first - start[0], y.first - start[1], 0);
        for (const Taps& x : taps[2]) {
          *out++ = row[x.first - start[2]];
        }
      }
    }
  }
}

template <class T>
void weigh(const Array& from, const std::array<std::vector<Taps>, 3>& taps, const Vec3& start,
           Array& to) {
  const auto in = from.values<T>();
  std::vector<double> values(in.begin(), in.end());
  std::int64_t inner = 1;
  for (const std::size_t axis : {2U, 1U, 0U}) {
    values = AxisSum(taps[axis], start[axis]).run(values, inner, from.shape()[axis]);
    inner *= to.shape()[axis];
  }
  std::transform(values.begin(), values.end(), to.values<T>().begin(), rounded<T>);
}

}  // namespace

Vec3 resampled_shape(const Vec3& shape, const Vec3d& from_nm, const Vec3d& to_nm) {
  Vec3 result{};
  for (std::size_t a = 0; a < 3; ++a) {
    const double side = static_cast<double>(shape[a]) * from_nm[a] / to_nm[a];
    result[a] = std::max<std::int64_t>(1, std::llround(side));
  }
  return result;
}

ResampledVolume::ResampledVolume(std::shared_ptr<const Volume> source, const Vec3& shape,
                                 Resampling how)
    : Volume(source->info()), source_(std::move(source)), how_(how) {
  info_.shape = shape;
  for (std::size_t a = 0; a < 3; ++a) {
    const double growth = static_cast<double>(shape[a]) /
                          static_cast<double>(std::max<std::int64_t>(1, source_->shape()[a]));
    if (info_.voxel_nm) {
      (*info_.voxel_nm)[a] /= growth;
    }
    if (info_.chunk[a] != 0) {
      info_.chunk[a] =
          std::max<std::int64_t>(1, std::llround(static_cast<double>(info_.chunk[a]) * growth));
    }
  }
}

Box3 ResampledVolume::source_box(const Box3& box) const {
  Box3 result;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t side = source_->shape()[a];
    result.start[a] = taps_of(box.start[a], shape()[a], side, how_).first;
    result.shape[a] = taps_of(box.stop()[a] - 1, shape()[a], side, how_).stop() - result.start[a];
  }
  return result;
}

Array ResampledVolume::read_part(const Box3& box) const {
  const Box3 needed = source_box(box);
  const Array from = source_->read(needed);
  std::array<std::vector<Taps>, 3> taps;
  for (std::size_t a = 0; a < 3; ++a) {
    taps[a] = taps_along(box, a, shape(), source_->shape(), how_);
  }
  Array to(info_.dtype, info_.channels, box.shape);
  dispatch(info_.dtype, [&]<class T>(T) {
    if (how_ == Resampling::nearest) {
      pick_nearest<T>(from, taps, needed.start, to);
    } else {
      weigh<T>(from, taps, needed.start, to);
    }
  });
  return to;
}

Array ResampledVolume::read_box(const Box3& box) const {
  if (box.empty()) {
    return {info_.dtype, info_.channels, box.shape};
  }
  const auto longest = static_cast<std::size_t>(
      std::max_element(box.shape.begin(), box.shape.end()) - box.shape.begin());
  if (source_box(box).voxels() <= kPartVoxels || box.shape[longest] == 1) {
    return read_part(box);
  }
  Box3 first = box;
  first.shape[longest] /= 2;
  Box3 second = box;
  second.start[longest] += first.shape[longest];
  second.shape[longest] -= first.shape[longest];
  Array values(info_.dtype, info_.channels, box.shape);
  for (const Box3& part : {first, second}) {
    copy_overlap(read_box(part), part.start, values, box.start);
  }
  return values;
}

}  // namespace retina::core
