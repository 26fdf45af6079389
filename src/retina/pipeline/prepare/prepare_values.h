#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/options.h"
#include "retina/pipeline/prepare/prepare_recipes.h"

namespace retina::pipeline {

/// What becomes of voxels that nobody labelled.
enum class UnknownVoxels {
  published,  ///< the class that the published preparation gave them
  ignore,     ///< 255, which training and evaluation leave out
};
constexpr core::EnumTable<UnknownVoxels, 2> enum_table(UnknownVoxels) {
  return {{{UnknownVoxels::published, "published"}, {UnknownVoxels::ignore, "ignore"}}};
}

/// Least and greatest of values; add() for each block of a volume.
struct ValueSpan {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  /// The finite values of the first channel.
  void add(const core::Array& stored);
};

/// The first channel as uint8. `span` is that of the whole volume and counts for min_max alone, by
/// which uint8 is kept as it is. bad_data naming `source` where the values are not what the rule
/// takes.
core::Array grey_values(const core::Array& stored, GreyRule rule, const ValueSpan& span,
                        const std::string& source);

/// The first channel as class ids (uint8). bad_data naming `source` and value for one that is in
/// none of the ranges. Negative values of signed types count from 2^64 down, so that -1 is 2^64-1.
core::Array class_values(const core::Array& stored, const std::vector<LabelRange>& ranges,
                         UnknownVoxels unknown, const std::string& source);

/// Puts the classes of `over` upon `classes` wherever they are not 0; how many voxels had another
/// class there before.
std::int64_t lay_over(const core::Array& over, core::Array& classes);

/// Planes across `axis` of a block (uint8, one channel) as a stack along z: rows and columns as
/// data::plane_shape() has them.
core::Array planes_of(const core::Array& block, int axis);

}  // namespace retina::pipeline
