#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/label/block_grid.h"
#include "retina/label/streamed_components.h"
#include "retina/metric/streamed_masks.h"

namespace retina::metric {

/// match_instances() of a volume that is not held in memory. Reads the masks by slabs of planes:
/// the prediction twice and the truth once when it is made, and the prediction again for every box
/// that is asked for. Memory is that of a slab, at most a quarter of `max_bytes` if a plane is no
/// more, and of label::StreamedComponents.
class StreamedInstanceMatch {
 public:
  /// `masks` must not change. resource error where there are too many objects for `max_bytes`;
  /// interrupted on a stop request.
  StreamedInstanceMatch(StreamedMasks masks, std::int64_t max_bytes, const core::Context& context);

  /// As InstanceMatch::truth_has_background.
  bool truth_has_background() const { return truth_has_background_; }
  /// Slabs of planes, of which a box is found at no more cost than a part of it.
  const label::BlockGrid& slabs() const { return slabs_; }
  /// InstanceMatch::matched, in a box.
  core::Array matched(const core::Box3& box) const;

 private:
  void find_objects(const core::Context& context);
  void find_touching(const core::Context& context);

  StreamedMasks masks_;
  std::int64_t thickness_;  ///< of a slab
  label::BlockGrid slabs_;
  label::StreamedComponents objects_;
  std::vector<bool> touches_;  ///< by number of the object; empty if nothing matches
  bool truth_has_background_ = false;
};

}  // namespace retina::metric
