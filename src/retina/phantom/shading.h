#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "retina/phantom/organelles.h"

namespace retina::phantom {

/// Values of the semantic truth.
enum class Structure : std::uint8_t {
  background,
  mitochondria,
  membrane,
  nucleus,
  synaptic_cleft,
  vesicle,
  endoplasmic_reticulum,
  lysosome,
};

/// Names of the structures, in the order of their values.
constexpr std::array<std::string_view, 8> kStructureNames{
    "background",     "mitochondria", "membrane", "nucleus",
    "synaptic_cleft", "vesicle",      "er",       "lysosome"};

/// Slowly varying fields at one point.
struct LocalFields {
  Point at;          ///< position in the space of the cells, nm
  float sheet = 0;   ///< distance to the nearest ER sheet, nm
  float patch = 0;   ///< where there is ER: above 0.12
  float wobble = 0;  ///< -1 to 1, roughness of surfaces
  float crista = 0;  ///< -1 to 1, bends the cristae
  float gap = 0;     ///< -1 to 1, width of the extracellular space
  float tone = 0;    ///< -1 to 1, staining
};

/// The tissue at one point, before imaging.
struct TissueVoxel {
  float grey = 0;
  Structure structure = Structure::background;
  std::uint32_t instance = 0;  ///< id of the mitochondrion, else 0
};

/// The part of a cell's contents that can be seen within some bounds.
struct VisibleContents {
  struct Part {
    const Mitochondrion* whole;
    std::vector<Segment> segments;
  };
  const CellContents* cell = nullptr;
  std::vector<Part> mitochondria;
  std::vector<Synapse> synapses;
  std::vector<Ball> vesicles;
  std::vector<Ball> lysosomes;
};

VisibleContents visible_within(const CellContents& cell, const Bounds& bounds);

/// Grey value and truth of a point of `cell` that lies `border_nm` from the border with cell
/// `neighbour`. `grain` is fine noise, -1 to 1.
TissueVoxel shade(const VisibleContents& cell, const LocalFields& fields, float border_nm,
                  std::uint32_t neighbour, float grain);

}  // namespace retina::phantom
