#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "retina/core/box.h"
#include "retina/core/progress.h"
#include "retina/metric/overlap.h"
#include "retina/metric/streamed_distance.h"
#include "retina/metric/streamed_instance_match.h"
#include "retina/metric/streamed_masks.h"
#include "retina/pipeline/evaluate/class_selection.h"
#include "retina/pipeline/evaluate/evaluation_report.h"
#include "retina/pipeline/evaluate/image_scores.h"

namespace retina::pipeline {

/// What the matched objects of a class overlap.
struct BlockedMatch {
  metric::OverlapCounts counts{};
  bool truth_has_background = true;  ///< as metric::InstanceMatch has it
};

/// Scores of an image that does not fit into memory, class after class, from boxes of it. Refers to
/// what it is made of.
class BlockedScores {
 public:
  BlockedScores(const CountedImage& image, const ScoringRules& rules, const core::Context& context)
      : image_(image), rules_(rules), context_(context) {}
  BlockedScores(const BlockedScores&) = delete;
  BlockedScores& operator=(const BlockedScores&) = delete;

  /// Matches the objects of a class, whose distances are to be asked for before the next class is
  /// matched. resource error where there are too many.
  BlockedMatch match(const NamedClass& named);

  /// False distance by rules.distance_statistic, in the unit of `sampling`, of the class matched
  /// last where objects are matched; undefined where prediction or truth has no voxel, where some
  /// are beyond the halo, and where it does not fit into memory.
  Score distance(const ClassScores& scores, const core::Vec3d& sampling);

  /// Of the same class, for rules with a threshold.
  CremiReport cremi(const ClassScores& scores, const core::Vec3d& sampling_nm);

 private:
  /// Distances, or why there are none: what cannot be measured here leaves the other scores.
  struct Distances {
    std::optional<metric::StreamedDistances> found;
    std::string reason;
  };

  /// The masks of a class box by box, before matching.
  metric::StreamedMasks unmatched_masks(std::int64_t id) const;

  /// The same after matching, without ignored voxels.
  metric::StreamedMasks streamed_masks(std::int64_t id) const;

  /// Few voxels, so that a part of a plane is found at little cost, but whole storage units of the
  /// prediction where they fit.
  core::Vec3 block_to_match() const;

  /// Overlap of the class that was matched.
  metric::OverlapCounts count_matches(std::int64_t id) const;

  double reach(const core::Vec3d& sampling) const;

  /// Measured once: several scores of a class may need the same.
  const Distances& distances(const ClassScores& scores, const core::Vec3d& sampling);
  Distances measure(const ClassScores& scores, const core::Vec3d& sampling) const;
  std::string unresolved_reason(std::int64_t voxels) const;

  const CountedImage& image_;
  const ScoringRules& rules_;
  const core::Context& context_;
  std::map<std::pair<std::int64_t, core::Vec3d>, Distances> measured_;  ///< id, sampling
  std::optional<metric::StreamedInstanceMatch> match_;                  ///< of the class
};

}  // namespace retina::pipeline
