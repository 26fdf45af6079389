#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/options.h"

namespace retina::model {

/// In what holes of objects are looked for.
enum class FillHoles { none, slices, volume };
constexpr core::EnumTable<FillHoles, 3> enum_table(FillHoles) {
  return {{{FillHoles::none, "none"}, {FillHoles::slices, "2d"}, {FillHoles::volume, "3d"}}};
}

/// What is done to predicted labels after the network; the model's card keeps it.
struct Postprocess {
  std::int64_t min_object_size = 0;
  double min_object_nm3 = 0;
  FillHoles fill_holes = FillHoles::none;
  int instances = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("min_object_size", self.min_object_size,
          "voxels; smaller objects become background; 0 = none do");
    visit("min_object_nm3", self.min_object_nm3,
          "the same in cubic nanometres, where the voxel size is known; 0 = none do");
    visit("fill_holes", self.fill_holes,
          "none; 2d: holes of each z slice; 3d: holes of the volume");
    visit("instances", self.instances,
          "neighbours that join voxels to an object (6, 18, 26; 4, 8 within each z slice), whose "
          "ids are stored; 0 = no ids");
  }
  std::vector<Problem> validate() const;
  bool operator==(const Postprocess&) const = default;
};

/// What a user asked for in place of a model's own.
struct PostprocessChanges {
  std::optional<std::int64_t> min_object_size{};
  std::optional<double> min_object_nm3{};
  std::optional<FillHoles> fill_holes{};
  std::optional<int> instances{};

  Postprocess over(const Postprocess& base) const;
};

}  // namespace retina::model
