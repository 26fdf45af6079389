#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "retina/phantom/geometry.h"

namespace retina::phantom {

/// One cell or neurite: a site of an anisotropic power diagram. A point belongs to the site of the
/// least value().
struct Site {
  std::uint32_t index = 0;  ///< unique in the phantom; counts the cells inside its extent
  std::uint64_t key = 0;    ///< random bits of the place alone, the same in a phantom of any extent
  Point centre;
  Point axis;                ///< direction of elongation, length 1
  float shrink = 0;          ///< 1 - 1 / elongation^2
  float inverse_area = 1;    ///< 1 / size^2
  float weight = 0;          ///< nm^2; a heavier site takes more space
  float nucleus_radius = 0;  ///< nm; 0 for neurites

  float value(const Point& p) const {
    const Point d = p - centre;
    const float along = dot(d, axis);
    return (dot(d, d) - shrink * along * along) * inverse_area - weight;
  }
  Point gradient(const Point& p) const {
    const Point d = p - centre;
    return (d - axis * (shrink * dot(d, axis))) * (2.0F * inverse_area);
  }
};

/// What lies at a point: its cell, the distance to the cell's border (nm, first order) and the way
/// out.
struct CellProbe {
  const Site* cell = nullptr;
  float border_distance = 0;
  Point outward;
};

/// Evaluates all of `sites` at `p`. The pointer lives as long as `sites`.
CellProbe probe(std::span<const Site> sites, const Point& p);

/// First-order distance (nm) from `p`, inside `own`, to the border with `other`.
float border_distance(const Site& own, const Site& other, const Point& p);

/// The sites of packed cells: one neurite per cell of a jittered grid, and now and then a large
/// round cell body. A pure function of (seed, position).
class CellField {
 public:
  /// `cell_nm` is the spacing of neurites; `extent` the space in which indices are unique.
  CellField(std::uint64_t seed, float cell_nm, const Bounds& extent);

  /// All sites that can own, or border on, a point of `bounds`, in increasing order of index.
  /// Points at least `margin_nm` outside a cell may miss it as a neighbour.
  std::vector<Site> sites_in(const Bounds& bounds, float margin_nm) const;

  /// The part of `sites` that matters inside the smaller `bounds`; order kept. The result for
  /// `bounds` does not depend on the larger block for which `sites` was made.
  std::vector<Site> relevant(std::span<const Site> sites, const Bounds& bounds,
                             float margin_nm) const;

  /// All sites whose centre lies within `radius_nm` of `p`, in increasing order of index.
  std::vector<Site> sites_around(const Point& p, float radius_nm) const;

  float cell_nm() const { return cell_nm_; }
  std::uint64_t seed() const { return seed_; }
  /// Every index is below this.
  std::uint64_t index_count() const;

 private:
  struct Grid {
    std::int64_t first[3];
    std::int64_t count[3];
    float spacing;

    std::uint64_t cells() const;
    std::uint64_t linear(std::int64_t z, std::int64_t y, std::int64_t x) const;
  };
  static Grid make_grid(float spacing, const Bounds& extent);
  Site neurite(std::int64_t z, std::int64_t y, std::int64_t x) const;
  std::optional<Site> body(std::int64_t z, std::int64_t y, std::int64_t x) const;
  std::vector<Site> centred_in(const Bounds& bounds) const;

  std::uint64_t seed_;
  float cell_nm_;
  Grid neurites_;
  Grid bodies_;
};

}  // namespace retina::phantom
