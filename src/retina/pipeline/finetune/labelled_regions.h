#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/box.h"
#include "retina/data/dataset.h"

namespace retina::pipeline {

/// A smaller patch of labels says too little to be scored by itself: pixels.
inline constexpr std::int64_t kSmallestRegion = 1024;
inline constexpr std::size_t kMostRegions = 32;

/// A connected patch (8 neighbours) of known labels in one plane across z.
struct LabelledRegion {
  data::Slice slice;
  std::string slice_name;  ///< as messages name it
  core::Box3 box;          ///< the smallest around it, in the volume
  core::Array mask;        ///< u8, of the box: 1 in the region
  std::int64_t pixels = 0;

  /// "slice3 y=100..356 x=20..276"
  std::string name() const;
};

/// The regions of all slices in their order; a slice that is known everywhere is one. Slices lie
/// across z. bad_data for a patch smaller than kSmallestRegion; usage error unless there are 2 to
/// kMostRegions regions.
std::vector<LabelledRegion> find_regions(const data::Dataset& dataset);

/// The dataset with the labels of `regions[hidden]` not known; `regions` are all of its regions. A
/// slice of which nothing else is known is left out.
data::Dataset without_region(const data::Dataset& dataset,
                             const std::vector<LabelledRegion>& regions, std::size_t hidden);

/// Class ids in a box of the region's slice (u8, of the box), kIgnore outside the region.
core::Array labels_of_region(const data::Dataset& dataset, const LabelledRegion& region,
                             const core::Box3& box);

}  // namespace retina::pipeline
