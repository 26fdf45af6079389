#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/label/block_grid.h"
#include "retina/label/streamed_components.h"
#include "retina/metric/streamed_masks.h"

namespace retina::metric {

/// match_instances() of a volume that is not held in memory. Reads the masks by blocks: the
/// prediction twice and the truth once when it is made, and of the prediction the blocks that meet
/// a box for every box that is asked for. Memory is that of a block and of
/// label::StreamedComponents.
class StreamedInstanceMatch {
 public:
  /// `masks` must not change. `block`: voxels z, y, x; it decides nothing but the cost. resource
  /// error where there are too many objects for `max_bytes`; interrupted on a stop request.
  StreamedInstanceMatch(StreamedMasks masks, const core::Vec3& block, std::int64_t max_bytes,
                        const core::Context& context);

  /// As InstanceMatch::truth_has_background.
  bool truth_has_background() const { return truth_has_background_; }
  const label::BlockGrid& grid() const { return grid_; }
  /// InstanceMatch::matched, in a box.
  core::Array matched(const core::Box3& box) const;

 private:
  void find_objects(const core::Context& context);
  void find_touching(const core::Context& context);

  StreamedMasks masks_;
  label::BlockGrid grid_;
  label::StreamedComponents objects_;
  std::vector<bool> touches_;  ///< by number of the object; empty if nothing matches
  bool truth_has_background_ = false;
};

}  // namespace retina::metric
