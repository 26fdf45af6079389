#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "retina/phantom/cells.h"

namespace retina::phantom {

/// A cone with round ends from `a` to `b`.
struct Segment {
  Point a;
  Point b;
  float radius_a = 0;
  float radius_b = 0;

  /// Signed distance (nm) from `p` to the surface, negative inside.
  float distance(const Point& p) const;
};

/// One mitochondrion: a connected, perhaps branching chain of segments inside one cell.
struct Mitochondrion {
  std::uint32_t id = 0;  ///< unique in the phantom, never 0
  std::vector<Segment> segments;
  Bounds bounds;
  Point crista_axis;     ///< normal of the cristae
  float crista_nm = 55;  ///< distance between cristae
  float shade = 0;       ///< grey levels added to the matrix

  float distance(const Point& p) const;
};

/// At most so many mitochondria per cell; ids are cell index * kMaxMitochondria + number + 1.
constexpr std::uint32_t kMaxMitochondria = 12;

/// Closest approach of a mitochondrion's surface to the border of its cell, nm.
constexpr float kMitochondrionMargin = 26.0F;

/// Grows the mitochondria of `cell` (a member of `sites`, all sites that can border on it). They
/// keep kMitochondrionMargin from the cell's border and a gap from each other and from the nucleus.
/// `density` scales their number; 1 gives about 9 % of the volume.
std::vector<Mitochondrion> grow_mitochondria(std::span<const Site> sites, const Site& cell,
                                             std::uint64_t seed, double density);

}  // namespace retina::phantom
