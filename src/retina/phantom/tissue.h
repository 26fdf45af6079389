#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/box.h"
#include "retina/phantom/shading.h"

namespace retina::phantom {

/// What the tissue is made of and how finely it is sampled.
struct TissueSpec {
  std::uint64_t seed = 0;
  Point step_nm{8, 8, 8};       ///< distance between samples
  core::Vec3 samples{0, 0, 0};  ///< size of the phantom
  float cell_nm = 440;
  double mitochondria_density = 1;
};

/// Samples of a block, z, y, x (x fastest).
struct TissueBlock {
  core::Box3 box;
  std::vector<float> grey;
  std::vector<std::uint8_t> structure;
  std::vector<std::uint32_t> instance;
};

/// Noise-free tissue. Space is cut into small tiles on a grid anchored at sample 0; a tile is a
/// pure function of the specification and its place, so that any block of samples equals the same
/// part of any other.
class Tissue {
 public:
  explicit Tissue(const TissueSpec& spec);

  /// The samples of `box`, which may reach beyond the phantom by a few cells. Safe to call from
  /// several threads.
  TissueBlock render(const core::Box3& box) const;

  const CellField& cells() const { return cells_; }

 private:
  friend class TissuePainter;

  LocalFields fields_at(const Point& world) const;

  struct Sheet {
    float distance;  ///< nm
    float slope;     ///< per nm
  };
  Sheet nearest_sheet(const Point& p) const;

  struct Wave {
    Point direction;  ///< times 2 pi / wavelength
    float phase;
  };
  TissueSpec spec_;
  CellField cells_;
  core::Vec3 tile_;  ///< samples in a tile
  std::vector<Wave> waves_;
};

}  // namespace retina::phantom
