#include "retina/pipeline/evaluate/image_scores.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/metric/class_mask.h"
#include "retina/metric/cremi.h"
#include "retina/metric/instance_match.h"
#include "retina/pipeline/evaluate/blocked_scores.h"
#include "retina/pipeline/evaluate/undefined_score.h"

namespace retina::pipeline {
namespace {

constexpr core::Vec3d kCremiSamplingNm{40, 4, 4};
/// Components: ids, their provisional groups (at most every fourth voxel), the matched mask.
constexpr std::int64_t kMatchBytesPerVoxel = 12;

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

constexpr const char* kNothingKnown = "every voxel has the ignored value";

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

  std::int64_t bytes_needed(std::int64_t working_bytes_per_voxel) const {
    const std::int64_t masks = 3;
    return core::whole(result_.shape).voxels() *
           (image_.stored_bytes() + masks + working_bytes_per_voxel);
  }

  void load() {
    std::int64_t working_bytes = rules_.instance_match ? kMatchBytesPerVoxel : 0;
    if (wants_distances()) {
      working_bytes = std::max<std::int64_t>(working_bytes, metric::kDistanceBytesPerVoxel);
    }
    if (working_bytes == 0) {
      return;  // counted already
    }
    if (bytes_needed(working_bytes) > rules_.max_ram) {
      blocked_.emplace(image_, rules_, context_);
    } else {
      const core::Box3 box = core::whole(result_.shape);
      loaded_ = LoadedPair{image_.prediction.read(box), image_.truth.read(box)};
    }
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
    Masks masks{rules_.predicted_mask(loaded_->prediction, loaded_->truth, id),
                rules_.true_mask(loaded_->truth, id)};
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

  metric::OverlapCounts match_by_blocks(const NamedClass& named) {
    const BlockedMatch match = blocked_->match(named);
    note_truth(match.truth_has_background);
    return match.counts;
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
      const core::Vec3d sampling_nm = result_.voxel_nm.value_or(kCremiSamplingNm);
      scores.cremi = blocked_ ? blocked_->cremi(scores, sampling_nm)
                              : cremi_scores(scores.counts, *masks, sampling_nm);
    }
    return scores;
  }

  void fill_distances(ClassScores& scores, const std::optional<Masks>& masks) {
    if (!rules_.distances) {
      scores.mfd = scores.mfd_nm = {std::nullopt, "distances are switched off"};
      return;
    }
    const auto distance = [&](const core::Vec3d& sampling) {
      return blocked_ ? blocked_->distance(scores, sampling)
                      : score_or(metric::false_distances(masks->prediction, masks->truth, sampling,
                                                         context_)
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

  CremiReport cremi_scores(const metric::OverlapCounts& counts, const Masks& masks,
                           const core::Vec3d& sampling_nm) const {
    const auto found = metric::cremi_clefts(
        masks.prediction, masks.truth,
        {.sampling_nm = sampling_nm, .threshold_nm = *rules_.cremi_threshold_nm}, context_);
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
  std::optional<BlockedScores> blocked_;  ///< of a volume that does not fit into memory
};

}  // namespace

std::int64_t class_of(std::int64_t stored, MaskReading reading) {
  return reading == MaskReading::zero_or_255 && stored == 255 ? 1 : stored;
}

core::Array ScoringRules::predicted_mask(const core::Array& stored, const core::Array& stored_truth,
                                         std::int64_t id) const {
  core::Array mask = metric::class_mask(stored, stored_value(id, prediction));
  if (mask_prediction) {
    metric::clear_where(mask, stored_truth, 0);
  }
  return mask;
}

core::Array ScoringRules::true_mask(const core::Array& stored_truth, std::int64_t id) const {
  return metric::class_mask(stored_truth, stored_value(id, truth));
}

std::int64_t CountedImage::stored_bytes() const {
  return static_cast<std::int64_t>(core::size_of(prediction.info().dtype) +
                                   core::size_of(truth.info().dtype));
}

ImageScores score_image(const CountedImage& image, const ScoringRules& rules,
                        std::vector<std::string>& notes, const core::Context& context) {
  return ImageScorer(image, rules, notes, context).run();
}

}  // namespace retina::pipeline
