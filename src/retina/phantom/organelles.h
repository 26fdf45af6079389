#pragma once

#include <cstdint>
#include <vector>

#include "retina/phantom/cells.h"
#include "retina/phantom/mitochondria.h"

namespace retina::phantom {

/// A round body: vesicle or lysosome.
struct Ball {
  Point centre;
  float radius = 0;
};

/// A contact of two cells with dense material along a disc of the border.
struct Synapse {
  std::uint64_t key = 0;  ///< random bits
  Point centre;
  float radius = 0;
  std::uint32_t from = 0;  ///< index of the cell that holds the vesicles
  std::uint32_t to = 0;
};

/// Everything inside one cell, in the space of the cells (before the warp).
struct CellContents {
  Site site;
  float tone = 0;  ///< grey levels added to the cytoplasm
  std::vector<Mitochondrion> mitochondria;
  std::vector<Synapse> synapses;  ///< on either side
  std::vector<Ball> vesicles;
  std::vector<Ball> lysosomes;

  /// Signed distance (nm) from `p` to the nuclear envelope, negative inside; large where there is
  /// no nucleus.
  float nucleus_distance(const Point& p) const;
};

/// Fills `cell`. A pure function of the field's seed and the cell.
CellContents fill_cell(const CellField& field, const Site& cell, double mitochondria_density);

}  // namespace retina::phantom
