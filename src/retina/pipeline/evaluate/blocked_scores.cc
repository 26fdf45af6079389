#include "retina/pipeline/evaluate/blocked_scores.h"

#include <algorithm>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/label/block_grid.h"
#include "retina/metric/class_mask.h"
#include "retina/pipeline/evaluate/undefined_score.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kMostMatchedVoxels = std::int64_t{1} << 21;
constexpr std::int64_t kMatchShare = 8;  ///< of max_ram for a block
/// Distances by blocks: more saves little, and 1 GiB shall do for any volume.
constexpr std::int64_t kMostBlockBytes = std::int64_t{256} << 20;

}  // namespace

metric::StreamedMasks BlockedScores::unmatched_masks(std::int64_t id) const {
  const auto prediction = [this, id](const core::Box3& box) {
    const core::Array truth = rules_.mask_prediction ? image_.truth.read(box) : core::Array{};
    return rules_.predicted_mask(image_.prediction.read(box), truth, id);
  };
  const auto truth = [this, id](const core::Box3& box) {
    return rules_.true_mask(image_.truth.read(box), id);
  };
  return {image_.truth.shape(), prediction, truth, image_.stored_bytes()};
}

metric::StreamedMasks BlockedScores::streamed_masks(std::int64_t id) const {
  metric::StreamedMasks masks = unmatched_masks(id);
  masks.prediction = [this, id](const core::Box3& box) {
    const bool needs_truth = rules_.ignore_value || (rules_.mask_prediction && !match_);
    const core::Array truth = needs_truth ? image_.truth.read(box) : core::Array{};
    core::Array mask = match_ ? match_->matched(box)
                              : rules_.predicted_mask(image_.prediction.read(box), truth, id);
    if (rules_.ignore_value) {
      metric::clear_where(mask, truth, *rules_.ignore_value);
    }
    return mask;
  };
  return masks;
}

core::Vec3 BlockedScores::block_to_match() const {
  const core::Vec3& shape = image_.truth.shape();
  const std::int64_t voxel_bytes = image_.stored_bytes() + 2;
  const std::int64_t most =
      std::min(kMostMatchedVoxels, rules_.max_ram / kMatchShare / voxel_bytes);
  const core::Vec3 unit = label::sides_within(shape, image_.prediction.info().chunk);
  const bool fits = core::whole(unit).voxels() * voxel_bytes <= rules_.max_ram / kMatchShare;
  return label::block_of_units(shape, fits ? unit : core::Vec3{1, 1, 1}, most);
}

BlockedMatch BlockedScores::match(const NamedClass& named) {
  try {
    match_.emplace(unmatched_masks(named.id), block_to_match(), rules_.max_ram / 4, context_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::resource) {
      throw;
    }
    throw error.within(fmt::format("{}, {}", image_.name, named.name));
  }
  return {count_matches(named.id), match_->truth_has_background()};
}

metric::OverlapCounts BlockedScores::count_matches(std::int64_t id) const {
  const metric::StreamedMasks masks = streamed_masks(id);
  const label::BlockGrid& grid = match_->grid();
  metric::OverlapCounts counts;
  context_.progress->begin("counting matches", grid.count(), "blocks");
  for (std::int64_t number = 0; number < grid.count(); ++number) {
    context_.check_stop(core::kRerunHint);
    const core::Box3 block = grid.box(number);
    counts += metric::count_overlap(masks.prediction(block), masks.truth(block), {1}).at(0);
    context_.progress->update(number + 1);
  }
  context_.progress->end();
  return counts;
}

double BlockedScores::reach(const core::Vec3d& sampling) const {
  return rules_.distance_halo * *std::min_element(sampling.begin(), sampling.end());
}

const BlockedScores::Distances& BlockedScores::distances(const ClassScores& scores,
                                                         const core::Vec3d& sampling) {
  const auto [known, is_new] = measured_.try_emplace({scores.id, sampling});
  if (is_new) {
    known->second = measure(scores, sampling);
  }
  return known->second;
}

BlockedScores::Distances BlockedScores::measure(const ClassScores& scores,
                                                const core::Vec3d& sampling) const {
  if (scores.counts.tp + scores.counts.fp == 0 || scores.counts.tp + scores.counts.fn == 0) {
    return {std::nullopt, empty_reason(scores.counts)};
  }
  const metric::StreamedDistanceOptions options{
      .sampling = sampling,
      .halo = reach(sampling),
      .threshold = rules_.cremi_threshold_nm.value_or(0),
      .max_bytes = std::min(rules_.max_ram / 4, kMostBlockBytes),
      .scratch = rules_.scratch};
  try {
    return {metric::streamed_distances(streamed_masks(scores.id), options, context_), ""};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::resource) {
      throw;
    }
    return {std::nullopt, error.what()};
  }
}

std::string BlockedScores::unresolved_reason(std::int64_t voxels) const {
  return fmt::format(
      "{} voxels are more than {} voxels away from the other set, and the volume does not fit "
      "into --max-ram: raise --distance-halo or give --scratch",
      voxels, rules_.distance_halo);
}

Score BlockedScores::distance(const ClassScores& scores, const core::Vec3d& sampling) {
  const Distances& blocked = distances(scores, sampling);
  if (!blocked.found) {
    return {std::nullopt, blocked.reason};
  }
  const std::int64_t unresolved = blocked.found->unresolved();
  return unresolved > 0 ? Score{std::nullopt, unresolved_reason(unresolved)}
                        : Score{blocked.found->mean_false_distance(rules_.distance_statistic), ""};
}

CremiReport BlockedScores::cremi(const ClassScores& scores, const core::Vec3d& sampling_nm) {
  const Distances& blocked = distances(scores, sampling_nm);
  if (!blocked.found) {
    const Score undefined{std::nullopt, blocked.reason};
    return {undefined, undefined, undefined, undefined, undefined};
  }
  const auto mean = [&](const metric::DirectedSummary& side) {
    return side.unresolved > 0 ? Score{std::nullopt, unresolved_reason(side.unresolved)}
                               : Score{side.mean, ""};
  };
  const bool sees_threshold = reach(sampling_nm) >= *rules_.cremi_threshold_nm;
  const auto beyond = [&](const metric::DirectedSummary& side) {
    return side.unresolved == 0 || sees_threshold
               ? Score{static_cast<double>(side.beyond), ""}
               : Score{std::nullopt, unresolved_reason(side.unresolved)};
  };
  const metric::DirectedSummary& predicted = blocked.found->prediction_to_truth;
  const metric::DirectedSummary& actual = blocked.found->truth_to_prediction;
  CremiReport report{mean(predicted), mean(actual), {}, beyond(predicted), beyond(actual)};
  const bool defined = report.adgt.value && report.adf.value;
  const std::string& reason = report.adgt.reason.empty() ? report.adf.reason : report.adgt.reason;
  report.score = defined ? Score{0.5 * (*report.adgt.value + *report.adf.value), ""}
                         : Score{std::nullopt, reason};
  return report;
}

}  // namespace retina::pipeline
