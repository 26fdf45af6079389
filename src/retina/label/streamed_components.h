#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "retina/core/array.h"
#include "retina/label/block_grid.h"
#include "retina/label/components.h"
#include "retina/label/groups.h"
#include "retina/label/runs.h"

namespace retina::label {

/// One object of a volume.
struct ObjectFacts {
  std::uint64_t first_voxel = 0;  ///< C-order index in the volume
  std::uint64_t voxels = 0;
  /// Of an object: its label (1 for Grouping::foreground). Of a region of background: the one label
  /// that encloses it, or 0 where several do or it reaches the border (of its slice, for slices).
  std::int64_t value = 0;
};

/// Connected components of a volume of any size, block by block. Memory holds the runs of the last
/// plane of blocks and, at most, kBytesPerPart for each part of an object in a block; voxels are
/// never kept.
///
///     StreamedComponents components(grid, rules, Target::objects);
///     for (i : blocks of the grid) components.add(values of block i);     // first pass
///     components.finish();
///     for (i : blocks) components.for_each_run(i, the same values, ...);   // second pass
///
/// Objects are numbered in C order of their first voxel, so every grid gives the same numbers.
class StreamedComponents {
 public:
  static constexpr std::int64_t kBytesPerPart = 80;
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

  /// Background has face neighbours, whatever rules.connectivity says, and no grouping.
  StreamedComponents(const BlockGrid& grid, const ComponentRules& rules, Target target,
                     std::int64_t max_bytes = kNoLimit);

  /// The values of the next block, in the order of the grid. resource error, before memory is
  /// taken, where its parts need more than max_bytes.
  void add(const core::Array& values);
  /// After the last block.
  void finish();

  /// What is kept takes no more than this, while blocks are added and after.
  std::int64_t bytes() const;

  /// Object number n is objects()[n - 1].
  const std::vector<ObjectFacts>& objects() const { return objects_; }

  /// Receives the runs of a block in scan order, `run.label` = number of the object.
  using RunVisitor = std::function<void(std::int64_t z, std::int64_t y, const Run& run)>;
  /// All runs of objects (or of background) in block `number`, whose `values` are those of add().
  void for_each_run(std::int64_t number, const core::Array& values, const RunVisitor& visit) const;

  /// Ids of block `number`, uint64: number of the object or, where given, `names`[number].
  core::Array ids(std::int64_t number, const core::Array& values,
                  const std::vector<std::uint64_t>& names = {}) const;

 private:
  static constexpr std::int64_t kNoLabel = std::numeric_limits<std::int64_t>::min();
  /// Runs of a row that a later block meets.
  using Frontier = std::vector<std::vector<Run>>;

  void require_room(std::uint64_t more_parts) const;
  void take_facts(const RunTable& table);
  void note_surroundings(const RunTable& table);
  void stitch(const RunTable& table);
  void advance_frontiers(const RunTable& table);
  void meet(RunRow row, RunRow earlier, std::int64_t dz, std::int64_t dy);
  void meet(const Run& run, const Run& other);
  bool reaches_border(std::int64_t z, std::int64_t y, const Run& run) const;
  static std::int64_t common_label(std::int64_t a, std::int64_t b);

  BlockGrid grid_;
  ComponentRules rules_;
  Target target_;
  std::int64_t max_bytes_;
  std::int64_t next_block_ = 0;
  Groups groups_;
  std::vector<ObjectFacts> facts_{{}};      ///< of each part, then of each object
  std::vector<std::uint64_t> first_parts_;  ///< of each block: its label 1 is this part
  std::vector<std::uint64_t> numbers_;      ///< of each part: its object
  std::vector<ObjectFacts> objects_;
  Frontier below_;   ///< last z of the layer of blocks before, by y
  Frontier layer_;   ///< last z of this layer, as far as it goes
  Frontier behind_;  ///< last y of the row of blocks before, by z within the layer
  Frontier band_;    ///< last y of this row of blocks
  Frontier beside_;  ///< last x of the block before, by (z, y) within the block
};

}  // namespace retina::label
