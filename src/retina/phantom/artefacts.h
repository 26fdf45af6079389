#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/box.h"
#include "retina/phantom/geometry.h"

namespace retina::phantom {

/// How often sections are damaged.
struct ArtefactOptions {
  double knife_mark = 0.03;
  double fold = 0.012;
  double exposure = 0.012;
  double precipitate = 0.06;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("knife_mark", self.knife_mark,
          "share of sections with a straight bright or dark scratch");
    visit("fold", self.fold, "share of sections with a dark fold");
    visit("exposure", self.exposure, "share of sections that are much brighter or darker");
    visit("precipitate", self.precipitate,
          "specks of dark precipitate per square micrometre and section");
  }
};

/// The damage of one section: what it does to the grey value at any place. A pure function of
/// (seed, z).
class SectionDamage {
 public:
  SectionDamage(std::uint64_t seed, std::int64_t z, const ArtefactOptions& options);

  /// Adds the damage to one row of grey values, samples `first_x`, first_x + 1, ... of row `y`.
  void apply(float* row, std::int64_t y, std::int64_t first_x, std::int64_t count,
             const Point& voxel_nm) const;

 private:
  struct Band {
    float normal_y;
    float normal_x;
    float spacing_nm;  ///< the band comes back after this distance, so that it meets any volume
    float offset_nm;
    float width_nm;
    float change;  ///< grey levels
  };
  static Band random_band(std::uint64_t key, float width_nm, float change);
  void add_specks(float* row, std::int64_t y, std::int64_t first_x, std::int64_t count,
                  const Point& voxel_nm) const;

  std::uint64_t key_;
  std::vector<Band> bands_;
  float gain_ = 1;
  double speck_chance_;
};

}  // namespace retina::phantom
