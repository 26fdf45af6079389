#include "retina/pipeline/image_scores.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/metric/class_mask.h"
#include "retina/metric/cremi.h"
#include "retina/metric/instance_match.h"

namespace retina::pipeline {
namespace {

constexpr core::Vec3d kCremiSamplingNm{40, 4, 4};
/// Components: ids, their provisional groups (at most every fourth voxel), the matched mask.
constexpr std::int64_t kMatchBytesPerVoxel = 12;

std::int64_t class_of(std::int64_t stored, MaskReading reading) {
  return reading == MaskReading::zero_or_255 && stored == 255 ? 1 : stored;
}

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
  ImageScorer(const CountedImage& image, const ScoringRules& rules, std::vector<std::string>& notes)
      : image_(image), rules_(rules), notes_(notes), counts_(by_class(image.confusion, rules)) {}

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
    const auto stored =
        core::size_of(image_.prediction.info().dtype) + core::size_of(image_.truth.info().dtype);
    const std::int64_t masks = 3;
    return core::whole(result_.shape).voxels() *
           (static_cast<std::int64_t>(stored) + masks + working_bytes_per_voxel);
  }

  void load() {
    const std::int64_t for_match = bytes_needed(kMatchBytesPerVoxel);
    if (rules_.instance_match && for_match > rules_.max_ram) {
      throw Error(ErrorKind::resource,
                  Problem{.subject = image_.name,
                          .found = "instance matching needs " + core::format_size(for_match),
                          .expected = "at most " + core::format_size(rules_.max_ram),
                          .remedy = "raise --max-ram, or evaluate parts of the volume"});
    }
    const std::int64_t for_distances = bytes_needed(metric::kDistanceBytesPerVoxel);
    if (wants_distances() && for_distances > rules_.max_ram) {
      too_large_ = fmt::format("needs {} of memory, more than --max-ram {}",
                               core::format_size(for_distances), core::format_size(rules_.max_ram));
    }
    if (rules_.instance_match || (wants_distances() && too_large_.empty())) {
      const core::Box3 box = core::whole(result_.shape);
      loaded_ = LoadedPair{image_.prediction.read(box), image_.truth.read(box)};
    }
  }

  Masks masks_of(std::int64_t id) {
    Masks masks{metric::class_mask(loaded_->prediction, stored_value(id, rules_.prediction)),
                metric::class_mask(loaded_->truth, stored_value(id, rules_.truth))};
    if (rules_.mask_prediction) {
      metric::clear_where(masks.prediction, loaded_->truth, 0);
    }
    if (rules_.instance_match) {
      auto match = metric::match_instances(masks.prediction, masks.truth);
      if (!match.truth_has_background) {
        notes_.push_back(fmt::format(
            "{}: the truth has no background, so the published instance matching loses its object "
            "and scores 0",
            image_.name));
      }
      masks.prediction = std::move(match.matched);
    }
    if (rules_.ignore_value) {
      metric::clear_where(masks.prediction, loaded_->truth, *rules_.ignore_value);
    }
    return masks;
  }

  ClassScores score_class(const NamedClass& named) {
    ClassScores scores{.id = named.id, .name = named.name};
    scores.counts = counts_.overlap(named.id);
    std::optional<Masks> masks;
    if (loaded_) {
      masks = masks_of(named.id);
    }
    if (rules_.instance_match) {
      scores.counts = metric::count_overlap(masks->prediction, masks->truth, {1}).at(0);
    }
    fill_overlap_scores(scores, {.is_2d = result_.is_2d, .is_known = result_.voxels > 0});
    fill_distances(scores, masks);
    if (rules_.cremi_threshold_nm) {
      scores.cremi = cremi_scores(scores.counts, masks);
    }
    return scores;
  }

  void fill_distances(ClassScores& scores, const std::optional<Masks>& masks) const {
    if (!rules_.distances || !too_large_.empty()) {
      const std::string reason = rules_.distances ? too_large_ : "distances are switched off";
      scores.mfd = scores.mfd_nm = {std::nullopt, reason};
      return;
    }
    const std::string reason = empty_reason(scores.counts);
    const auto distance = [&](const core::Vec3d& sampling) {
      return metric::false_distances(masks->prediction, masks->truth, sampling)
          .mean_false_distance(rules_.distance_statistic);
    };
    scores.mfd = score_or(distance({1, 1, 1}), reason);
    scores.mfd_nm = result_.voxel_nm ? score_or(distance(*result_.voxel_nm), reason)
                                     : Score{std::nullopt, "the voxel size is not known"};
  }

  CremiReport cremi_scores(const metric::OverlapCounts& counts,
                           const std::optional<Masks>& masks) const {
    if (!too_large_.empty()) {
      const Score undefined{std::nullopt, too_large_};
      return {undefined, undefined, undefined, undefined, undefined};
    }
    const auto found =
        metric::cremi_clefts(masks->prediction, masks->truth,
                             {.sampling_nm = result_.voxel_nm.value_or(kCremiSamplingNm),
                              .threshold_nm = *rules_.cremi_threshold_nm});
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
  metric::Confusion counts_;
  ImageScores result_;
  std::optional<LoadedPair> loaded_;
  std::string too_large_;  ///< why distances are undefined; empty where they fit
};

}  // namespace

ImageScores score_image(const CountedImage& image, const ScoringRules& rules,
                        std::vector<std::string>& notes) {
  return ImageScorer(image, rules, notes).run();
}

}  // namespace retina::pipeline
