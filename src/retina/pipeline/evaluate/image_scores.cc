#include "retina/pipeline/evaluate/image_scores.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/metric/class_mask.h"
#include "retina/metric/cremi.h"
#include "retina/metric/instance_match.h"
#include "retina/metric/streamed_distance.h"
#include "retina/metric/streamed_instance_match.h"

namespace retina::pipeline {
namespace {

constexpr core::Vec3d kCremiSamplingNm{40, 4, 4};
/// Components: ids, their provisional groups (at most every fourth voxel), the matched mask.
constexpr std::int64_t kMatchBytesPerVoxel = 12;
constexpr std::int64_t kMostMatchedVoxels = std::int64_t{1} << 21;
constexpr std::int64_t kMatchShare = 8;  ///< of max_ram for a block
/// Distances by blocks: more saves little, and 1 GiB shall do for any volume.
constexpr std::int64_t kMostBlockBytes = std::int64_t{256} << 20;

std::int64_t stored_value(std::int64_t class_id, MaskReading reading) {
  return reading == MaskReading::zero_or_255 && class_id == 1 ? 255 : class_id;
}

/// The counts by class id, without ignored voxels, the prediction masked if wished.
metric::Confusion by_class(const metric::Confusion& stored, const ScoringRules& rules) {
  using Pair = metric::Confusion::Pair;
  return stored.mapped([&](Pair pair) -> std::optional<Pair> {
    if (pair.first == rules.ignore_value) {
      return std::nullopt;
    }
    const std::int64_t actual = class_of(pair.first, rules.truth);
    const std::int64_t predicted = class_of(pair.second, rules.prediction);
    return Pair{actual, rules.mask_prediction && actual == 0 ? 0 : predicted};
  });
}

Score score_or(std::optional<double> value, const std::string& reason) {
  return {value, value ? "" : reason};
}

constexpr const char* kNothingKnown = "every voxel has the ignored value";

std::string empty_reason(const metric::OverlapCounts& counts) {
  if (counts.tp + counts.fp == 0 && counts.tp + counts.fn == 0) {
    return "the class is in neither prediction nor truth";
  }
  return counts.tp + counts.fp == 0 ? "nothing was predicted" : "the class is not in the truth";
}

struct ScoredImage {
  bool is_2d = false;     ///< scored with the published smoothing
  bool is_known = false;  ///< has a voxel that is not ignored
};

void fill_overlap_scores(ClassScores& scores, const ScoredImage& image) {
  const metric::OverlapCounts& counts = scores.counts;
  if (!image.is_known) {
    scores.iou = scores.pooled_iou = scores.f = scores.precision = scores.recall =
        Score{std::nullopt, kNothingKnown};
    return;
  }
  const std::string reason = empty_reason(counts);
  scores.pooled_iou = score_or(counts.iou(), reason);
  scores.iou = image.is_2d ? Score{counts.smoothed_iou(), ""} : scores.pooled_iou;
  scores.f = score_or(counts.f_score(), reason);
  scores.precision = score_or(counts.precision(), "nothing was predicted");
  scores.recall = score_or(counts.recall(), "the class is not in the truth");
}

/// The whole image in memory, where scores need it.
struct LoadedPair {
  core::Array prediction;
  core::Array truth;
};

struct Masks {
  core::Array prediction;
  core::Array truth;
};

class ImageScorer {
 public:
  ImageScorer(const CountedImage& image, const ScoringRules& rules, std::vector<std::string>& notes,
              const core::Context& context)
      : image_(image),
        rules_(rules),
        notes_(notes),
        context_(context),
        counts_(by_class(image.confusion, rules)) {}

  ImageScores run() {
    result_.name = image_.name;
    result_.shape = image_.truth.shape();
    result_.is_2d = image_.truth.info().is_2d();
    result_.voxel_nm = image_.truth.info().voxel_nm ? image_.truth.info().voxel_nm
                                                    : image_.prediction.info().voxel_nm;
    result_.voxels = counts_.voxels();
    result_.ignored = core::whole(result_.shape).voxels() - result_.voxels;
    load();
    std::vector<Score> iou;
    for (const NamedClass& named : rules_.classes) {
      result_.classes.push_back(score_class(named));
      iou.push_back(result_.classes.back().iou);
    }
    result_.mean_iou = mean_score(iou);
    return std::move(result_);
  }

 private:
  bool wants_distances() const { return rules_.distances || rules_.cremi_threshold_nm; }

  /// Of a voxel of both volumes.
  std::int64_t stored_bytes() const {
    return static_cast<std::int64_t>(core::size_of(image_.prediction.info().dtype) +
                                     core::size_of(image_.truth.info().dtype));
  }

  std::int64_t bytes_needed(std::int64_t working_bytes_per_voxel) const {
    const std::int64_t masks = 3;
    return core::whole(result_.shape).voxels() * (stored_bytes() + masks + working_bytes_per_voxel);
  }

  void load() {
    std::int64_t working_bytes = rules_.instance_match ? kMatchBytesPerVoxel : 0;
    if (wants_distances()) {
      working_bytes = std::max<std::int64_t>(working_bytes, metric::kDistanceBytesPerVoxel);
    }
    if (working_bytes == 0) {
      return;  // counted already
    }
    by_blocks_ = bytes_needed(working_bytes) > rules_.max_ram;
    if (!by_blocks_) {
      const core::Box3 box = core::whole(result_.shape);
      loaded_ = LoadedPair{image_.prediction.read(box), image_.truth.read(box)};
    }
  }

  core::Array predicted_mask(const core::Array& prediction, const core::Array& truth,
                             std::int64_t id) const {
    core::Array mask = metric::class_mask(prediction, stored_value(id, rules_.prediction));
    if (rules_.mask_prediction) {
      metric::clear_where(mask, truth, 0);
    }
    return mask;
  }

  void note_truth(bool has_background) {
    if (!has_background) {
      notes_.push_back(fmt::format(
          "{}: the truth has no background, so the published instance matching loses its object "
          "and scores 0",
          image_.name));
    }
  }

  Masks masks_of(std::int64_t id) {
    Masks masks{predicted_mask(loaded_->prediction, loaded_->truth, id),
                metric::class_mask(loaded_->truth, stored_value(id, rules_.truth))};
    if (rules_.instance_match) {
      auto match = metric::match_instances(masks.prediction, masks.truth);
      note_truth(match.truth_has_background);
      masks.prediction = std::move(match.matched);
    }
    if (rules_.ignore_value) {
      metric::clear_where(masks.prediction, loaded_->truth, *rules_.ignore_value);
    }
    return masks;
  }

  /// The masks of a class box by box, for volumes that do not fit into memory, before matching.
  metric::StreamedMasks unmatched_masks(std::int64_t id) const {
    const auto prediction = [this, id](const core::Box3& box) {
      const core::Array truth = rules_.mask_prediction ? image_.truth.read(box) : core::Array{};
      return predicted_mask(image_.prediction.read(box), truth, id);
    };
    const auto truth = [this, id](const core::Box3& box) {
      return metric::class_mask(image_.truth.read(box), stored_value(id, rules_.truth));
    };
    return {result_.shape, prediction, truth, stored_bytes()};
  }

  /// The same after matching, without ignored voxels.
  metric::StreamedMasks streamed_masks(std::int64_t id) const {
    metric::StreamedMasks masks = unmatched_masks(id);
    masks.prediction = [this, id](const core::Box3& box) {
      const bool needs_truth = rules_.ignore_value || (rules_.mask_prediction && !match_);
      const core::Array truth = needs_truth ? image_.truth.read(box) : core::Array{};
      core::Array mask =
          match_ ? match_->matched(box) : predicted_mask(image_.prediction.read(box), truth, id);
      if (rules_.ignore_value) {
        metric::clear_where(mask, truth, *rules_.ignore_value);
      }
      return mask;
    };
    return masks;
  }

  /// Few voxels, so that a part of a plane is found at little cost, but whole storage units of the
  /// prediction where they fit.
  core::Vec3 block_to_match() const {
    const std::int64_t most =
        std::min(kMostMatchedVoxels, rules_.max_ram / kMatchShare / (stored_bytes() + 2));
    const core::Vec3 unit = label::sides_within(result_.shape, image_.prediction.info().chunk);
    const bool fits =
        core::whole(unit).voxels() * (stored_bytes() + 2) <= rules_.max_ram / kMatchShare;
    return label::block_of_units(result_.shape, fits ? unit : core::Vec3{1, 1, 1}, most);
  }

  /// Matches the objects of a class by blocks, and counts what they overlap.
  metric::OverlapCounts match_by_blocks(const NamedClass& named) {
    try {
      match_.emplace(unmatched_masks(named.id), block_to_match(), rules_.max_ram / 4, context_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::resource) {
        throw;
      }
      throw error.within(fmt::format("{}, {}", image_.name, named.name));
    }
    note_truth(match_->truth_has_background());
    const metric::StreamedMasks masks = streamed_masks(named.id);
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

  /// Distances, or why there are none: what cannot be measured here leaves the other scores.
  struct BlockedDistances {
    std::optional<metric::StreamedDistances> found;
    std::string reason;
  };

  double reach(const core::Vec3d& sampling) const {
    return rules_.distance_halo * *std::min_element(sampling.begin(), sampling.end());
  }

  /// Measured once: several scores of a class may need the same.
  const BlockedDistances& distances_by_blocks(const ClassScores& scores,
                                              const core::Vec3d& sampling) {
    const auto [known, is_new] = blocked_.try_emplace({scores.id, sampling});
    if (is_new) {
      known->second = measure_by_blocks(scores, sampling);
    }
    return known->second;
  }

  BlockedDistances measure_by_blocks(const ClassScores& scores, const core::Vec3d& sampling) const {
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

  std::string unresolved_reason(std::int64_t voxels) const {
    return fmt::format(
        "{} voxels are more than {} voxels away from the other set, and the volume does not fit "
        "into --max-ram: raise --distance-halo or give --scratch",
        voxels, rules_.distance_halo);
  }

  ClassScores score_class(const NamedClass& named) {
    context_.check_stop(core::kRerunHint);
    ClassScores scores{.id = named.id, .name = named.name};
    scores.counts = counts_.overlap(named.id);
    std::optional<Masks> masks;
    if (loaded_) {
      masks = masks_of(named.id);
    }
    if (rules_.instance_match) {
      scores.counts = masks ? metric::count_overlap(masks->prediction, masks->truth, {1}).at(0)
                            : match_by_blocks(named);
    }
    fill_overlap_scores(scores, {.is_2d = result_.is_2d, .is_known = result_.voxels > 0});
    fill_distances(scores, masks);
    if (rules_.cremi_threshold_nm) {
      scores.cremi = by_blocks_ ? streamed_cremi(scores) : cremi_scores(scores.counts, masks);
    }
    return scores;
  }

  void fill_distances(ClassScores& scores, const std::optional<Masks>& masks) {
    if (!rules_.distances) {
      scores.mfd = scores.mfd_nm = {std::nullopt, "distances are switched off"};
      return;
    }
    const auto distance = [&](const core::Vec3d& sampling) {
      return by_blocks_ ? streamed_distance(scores, sampling)
                        : score_or(metric::false_distances(masks->prediction, masks->truth,
                                                           sampling, context_)
                                       .mean_false_distance(rules_.distance_statistic),
                                   empty_reason(scores.counts));
    };
    scores.mfd = distance({1, 1, 1});
    if (!result_.voxel_nm) {
      scores.mfd_nm = {std::nullopt, "the voxel size is not known"};
    } else if (const auto& [z, y, x] = *result_.voxel_nm; z == y && y == x) {
      scores.mfd_nm = scores.mfd;  // of cubes it is the same distance in another unit
      scores.mfd_nm.value = scores.mfd.value ? std::optional(x * *scores.mfd.value) : std::nullopt;
    } else {
      scores.mfd_nm = distance(*result_.voxel_nm);
    }
  }

  Score streamed_distance(const ClassScores& scores, const core::Vec3d& sampling) {
    const BlockedDistances& blocked = distances_by_blocks(scores, sampling);
    if (!blocked.found) {
      return {std::nullopt, blocked.reason};
    }
    const std::int64_t unresolved = blocked.found->unresolved();
    return unresolved > 0
               ? Score{std::nullopt, unresolved_reason(unresolved)}
               : Score{blocked.found->mean_false_distance(rules_.distance_statistic), ""};
  }

  CremiReport streamed_cremi(const ClassScores& scores) {
    const core::Vec3d sampling = result_.voxel_nm.value_or(kCremiSamplingNm);
    const BlockedDistances& blocked = distances_by_blocks(scores, sampling);
    if (!blocked.found) {
      const Score undefined{std::nullopt, blocked.reason};
      return {undefined, undefined, undefined, undefined, undefined};
    }
    const auto mean = [&](const metric::DirectedSummary& side) {
      return side.unresolved > 0 ? Score{std::nullopt, unresolved_reason(side.unresolved)}
                                 : Score{side.mean, ""};
    };
    const bool sees_threshold = reach(sampling) >= *rules_.cremi_threshold_nm;
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

  CremiReport cremi_scores(const metric::OverlapCounts& counts,
                           const std::optional<Masks>& masks) const {
    const auto found =
        metric::cremi_clefts(masks->prediction, masks->truth,
                             {.sampling_nm = result_.voxel_nm.value_or(kCremiSamplingNm),
                              .threshold_nm = *rules_.cremi_threshold_nm},
                             context_);
    const std::string reason = empty_reason(counts);
    const auto beyond = [&](const metric::CremiSide& side) {
      return side.beyond_threshold ? Score{static_cast<double>(*side.beyond_threshold), ""}
                                   : Score{std::nullopt, reason};
    };
    return {score_or(found.adgt(), reason), score_or(found.adf(), reason),
            score_or(found.score(), reason), beyond(found.false_positives),
            beyond(found.false_negatives)};
  }

  const CountedImage& image_;
  const ScoringRules& rules_;
  std::vector<std::string>& notes_;
  const core::Context& context_;
  metric::Confusion counts_;
  ImageScores result_;
  std::optional<LoadedPair> loaded_;
  std::map<std::pair<std::int64_t, core::Vec3d>, BlockedDistances> blocked_;  ///< id, sampling
  std::optional<metric::StreamedInstanceMatch> match_;  ///< of the class, by blocks
  bool by_blocks_ = false;                              ///< the volume does not fit into memory
};

}  // namespace

std::int64_t class_of(std::int64_t stored, MaskReading reading) {
  return reading == MaskReading::zero_or_255 && stored == 255 ? 1 : stored;
}

ImageScores score_image(const CountedImage& image, const ScoringRules& rules,
                        std::vector<std::string>& notes, const core::Context& context) {
  return ImageScorer(image, rules, notes, context).run();
}

}  // namespace retina::pipeline
