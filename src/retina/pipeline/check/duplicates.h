#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/box.h"
#include "retina/data/dataset.h"
#include "retina/data/statistics.h"

namespace retina::pipeline {

/// 64 bits of the bytes of a plane, which come in the order of its pixels in any pieces.
class PlaneHash {
 public:
  explicit PlaneHash(const core::Vec3& plane);  ///< {1,y,x}
  void add(const core::Array& bytes);
  std::uint64_t value() const;

 private:
  std::uint64_t hash_;
  std::uint64_t word_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What is kept of a plane to find its doubles: a few bytes, however large it is.
struct PlanePrint {
  core::Vec3 shape{1, 0, 0};
  std::uint64_t content = 0;  ///< of the pixels in their order
  std::uint64_t turned = 0;  ///< the same for flipped and turned copies: of the histogram and sides
  std::uint64_t labels = 0;  ///< 0 = none
  bool is_constant = false;  ///< one grey value: equal to all of its kind, which means nothing
};

/// `labels` is null for unlabelled data.
PlanePrint print_of(const core::Vec3& shape, const PlaneHash& image, const PlaneHash* labels,
                    const data::PixelCounts& counts);

/// Two planes of one image content.
struct Duplicate {
  std::int64_t first = 0;   ///< number in the list of prints
  std::int64_t second = 0;  ///< a later one
  bool is_turned = false;   ///< flipped or turned by a multiple of 90 degrees
  bool labels_differ = false;
};

/// Pixels of a part {0,y,x} + {1,h,w} of the plane of that number.
using ReadPart = std::function<core::Array(std::int64_t plane, const core::Box3& part)>;

/// Every plane that repeats an earlier one, once. Turned copies are told from planes that merely
/// share a histogram by looking at them, `band_pixels` at a time.
std::vector<Duplicate> find_duplicates(const std::vector<PlanePrint>& prints,
                                       const ReadPart& read_part,
                                       std::int64_t band_pixels = data::kBandPixels);

}  // namespace retina::pipeline
