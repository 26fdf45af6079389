#pragma once

#include "retina/core/array.h"

namespace retina::metric {

/// Predicted objects that meet a true object.
struct InstanceMatch {
  core::Array matched;               ///< uint8 mask: the union of these predicted objects
  bool truth_has_background = true;  ///< false: the published rule below dropped the true object
};

/// The published matching for partly labelled data (retina.md 4.3): objects are the components of
/// both uint8 masks with full connectivity (8 in a plane, 26 in a volume); predicted objects that
/// touch no true object are removed, the rest is to be scored against the whole truth. The
/// published code takes the first label of the truth for background: a truth without any background
/// voxel loses its one object, nothing matches and its IoU is 0.
InstanceMatch match_instances(const core::Array& prediction, const core::Array& truth);

}  // namespace retina::metric
