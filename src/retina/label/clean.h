#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/label/block_grid.h"
#include "retina/label/streamed_components.h"

namespace retina::label {

/// Which background is a hole: a region (face neighbours) that does not reach the border and that
/// one label alone encloses. A gap between objects of different labels stays.
enum class FillHoles {
  none,
  slices,  ///< regions and borders of every z slice by itself
  volume   ///< regions of the volume
};

enum class ObjectIds { unwanted, wanted };

/// What is done to labels, in this order: holes are filled, then small objects removed, then the
/// rest numbered.
struct CleanRules {
  FillHoles fill_holes = FillHoles::none;
  std::uint64_t min_voxels = 0;  ///< objects with fewer become background
  ComponentRules objects = {};   ///< what an object is, for its size and its id
  ObjectIds ids = ObjectIds::unwanted;
  /// Memory for what is kept of holes and objects; more is a resource error.
  std::int64_t max_bytes = StreamedComponents::kNoLimit;
};

/// Labels of a volume of any size after cleaning. Reads the volume once for holes and once for
/// objects when it is made, and once more by read(); memory is that of one block and of
/// StreamedComponents. Every grid gives the same voxels.
class CleanedLabels {
 public:
  /// `labels` (one channel, integer) must stay and not change. interrupted on a stop request;
  /// resource error where there are too many objects for max_bytes.
  CleanedLabels(const core::Volume& labels, const BlockGrid& grid, const CleanRules& rules,
                const core::Context& context);

  struct Block {
    core::Array labels;  ///< dtype of the volume
    core::Array ids;     ///< uint64, 0 = background; no elements if unwanted
  };
  /// Block `number` of the grid.
  Block read(std::int64_t number) const;

  const BlockGrid& grid() const { return grid_; }
  std::uint64_t objects() const { return kept_; }  ///< that stay; 0 where none were looked for
  std::uint64_t removed() const { return removed_; }
  std::uint64_t holes() const { return holes_; }  ///< that were filled

 private:
  void find_holes(const core::Context& context);
  void find_objects(const core::Context& context);
  core::Array filled(std::int64_t number) const;

  const core::Volume& labels_;
  BlockGrid grid_;
  CleanRules rules_;
  std::optional<StreamedComponents> background_;
  std::optional<StreamedComponents> components_;
  std::vector<std::uint64_t> ids_;  ///< object number -> id of those that stay, 0 of the others
  std::uint64_t kept_ = 0;
  std::uint64_t removed_ = 0;
  std::uint64_t holes_ = 0;
};

}  // namespace retina::label
