#include "retina/pipeline/evaluate.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/metric/confusion.h"
#include "retina/pipeline/class_selection.h"
#include "retina/pipeline/image_scores.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/slabs.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kBlockBytes = 64LL << 20;
constexpr std::int64_t kMostCacheBytes = 256LL << 20;
constexpr std::size_t kMostClasses = 256;

void require_labels(const core::Volume& volume, std::vector<Problem>& problems) {
  const core::VolumeInfo& info = volume.info();
  if (info.channels != 1 || !core::is_integer(info.dtype)) {
    problems.push_back({.subject = info.source,
                        .found = fmt::format("{} channel{} of {}", info.channels,
                                             info.channels == 1 ? "" : "s", name_of(info.dtype)),
                        .expected = "label values: one channel of an integer type",
                        .remedy = "threshold probabilities, or store class ids"});
  }
}

/// Number of voxels of all pairs; throws all shape and type problems at once.
std::int64_t inspect(const std::vector<LabelPair>& pairs) {
  std::vector<Problem> problems;
  std::int64_t voxels = 0;
  for (const LabelPair& pair : pairs) {
    const auto prediction = pair.prediction();
    const auto truth = pair.truth();
    require_labels(*prediction, problems);
    require_labels(*truth, problems);
    if (prediction->shape() != truth->shape()) {
      problems.push_back({.subject = prediction->info().source,
                          .found = "shape " + core::to_string(prediction->shape()),
                          .expected = fmt::format("{} as in {}", core::to_string(truth->shape()),
                                                  truth->info().source),
                          .remedy = "compare images of the same size"});
    }
    voxels += core::whole(truth->shape()).voxels();
  }
  throw_if_any(ErrorKind::bad_data, "prediction and truth cannot be compared", problems);
  return voxels;
}

/// Boxes that cover a volume once, none much larger than `max_voxels`: slabs of planes, or rows of
/// one plane.
std::vector<core::Box3> blocks_of(const core::VolumeInfo& info, std::int64_t max_voxels) {
  std::vector<core::Box3> blocks;
  store::for_each_slab(info.shape, info.chunk[0], max_voxels, [&](const core::Box3& slab) {
    const std::int64_t row = slab.shape[0] * slab.shape[2];
    const std::int64_t rows =
        std::max<std::int64_t>(1, max_voxels / std::max<std::int64_t>(row, 1));
    for (std::int64_t y = 0; y < slab.shape[1]; y += rows) {
      core::Box3 block = slab;
      block.start[1] = y;
      block.shape[1] = std::min(rows, slab.shape[1] - y);
      blocks.push_back(block);
    }
  });
  return blocks;
}

std::vector<metric::Confusion> count_all(const std::vector<LabelPair>& pairs, std::int64_t voxels,
                                         std::int64_t max_ram, const core::Context& context) {
  context.progress->begin("counting", voxels, "voxels");
  std::vector<metric::Confusion> counts(pairs.size());
  std::int64_t done = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto prediction = pairs[i].prediction();
    const auto truth = pairs[i].truth();
    const auto bytes_per_voxel = static_cast<std::int64_t>(core::size_of(prediction->info().dtype) +
                                                           core::size_of(truth->info().dtype));
    const std::int64_t max_voxels = std::min(kBlockBytes, max_ram / 2) / bytes_per_voxel;
    for (const core::Box3& block : blocks_of(truth->info(), max_voxels)) {
      context.check_stop(core::kRerunHint);
      try {
        counts[i].add(prediction->read(block), truth->read(block));
      } catch (const Error& error) {
        throw error.within(pairs[i].name);
      }
      context.progress->update(done += block.voxels());
    }
  }
  context.progress->end();
  return counts;
}

/// A mask that holds nothing but 0 and 255 means 0 and 1, unless 255 is a class. The ignored value
/// is one of the truth alone and is not among its `labels`.
MaskReading reading_of(const std::set<std::int64_t>& labels,
                       const std::vector<NamedClass>& wanted) {
  const bool wants_255 = std::any_of(wanted.begin(), wanted.end(),
                                     [](const NamedClass& named) { return named.id == 255; });
  const bool two_valued = std::all_of(
      labels.begin(), labels.end(), [](std::int64_t label) { return label == 0 || label == 255; });
  return two_valued && labels.contains(255) && !wants_255 ? MaskReading::zero_or_255
                                                          : MaskReading::class_ids;
}

std::vector<NamedClass> classes_found(const std::set<std::int64_t>& predicted,
                                      const std::set<std::int64_t>& actual,
                                      const ScoringRules& rules) {
  std::set<std::int64_t> ids;
  for (const std::int64_t label : actual) {
    ids.insert(class_of(label, rules.truth));
  }
  for (const std::int64_t label : predicted) {
    ids.insert(class_of(label, rules.prediction));
  }
  ids.erase(0);
  if (ids.size() > kMostClasses || ids.empty()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "classes",
                        .found = ids.empty() ? "nothing but background in prediction and truth"
                                             : fmt::format("{} different labels", ids.size()),
                        .expected = fmt::format("1 to {} classes", kMostClasses),
                        .remedy = "name the classes to score with --classes"});
  }
  std::vector<NamedClass> classes;
  for (const std::int64_t id : ids) {
    classes.push_back({id, fmt::format("class {}", id)});
  }
  return classes;
}

/// A label outside the classes is background of every class, which is seldom meant.
void note_unlisted_labels(const char* side, const std::set<std::int64_t>& labels,
                          MaskReading reading, const std::vector<NamedClass>& classes,
                          std::vector<std::string>& notes) {
  std::vector<std::int64_t> unlisted;
  for (const std::int64_t label : labels) {
    const std::int64_t id = class_of(label, reading);
    if (id != 0 && std::none_of(classes.begin(), classes.end(),
                                [&](const NamedClass& named) { return named.id == id; })) {
      unlisted.push_back(label);
    }
  }
  if (!unlisted.empty()) {
    const std::size_t shown = std::min<std::size_t>(unlisted.size(), 10);
    notes.push_back(fmt::format(
        "the {} has {} labels outside the classes, such as {}: they count as not being any class",
        side, unlisted.size(),
        fmt::join(unlisted.begin(), unlisted.begin() + static_cast<std::ptrdiff_t>(shown), ", ")));
  }
}

ScoringRules rules_of(const std::vector<metric::Confusion>& counts, const EvaluateOptions& options,
                      std::vector<std::string>& notes) {
  ScoringRules rules{.classes = parse_classes(options.classes),
                     .ignore_value = options.ignore_value,
                     .mask_prediction = options.mask_prediction,
                     .instance_match = options.instance_match,
                     .distances = options.distances,
                     .distance_statistic = options.distance_statistic,
                     .max_ram = core::parse_size(options.max_ram),
                     .distance_halo = options.distance_halo,
                     .scratch = options.scratch};
  if (options.cremi) {
    rules.cremi_threshold_nm = options.cremi_threshold_nm;
  }
  std::set<std::int64_t> predicted;
  std::set<std::int64_t> actual;
  for (const metric::Confusion& confusion : counts) {
    predicted.merge(confusion.predicted_labels());
    actual.merge(confusion.truth_labels());
  }
  rules.prediction = reading_of(predicted, rules.classes);
  if (options.ignore_value) {
    actual.erase(*options.ignore_value);
  }
  rules.truth = reading_of(actual, rules.classes);
  const std::pair<const char*, MaskReading> sides[] = {{"prediction", rules.prediction},
                                                       {"truth", rules.truth}};
  for (const auto& [side, reading] : sides) {
    if (reading == MaskReading::zero_or_255) {
      notes.push_back(fmt::format("the {} is a 0/255 mask: 255 is read as class 1", side));
    }
  }
  if (rules.classes.empty()) {
    rules.classes = classes_found(predicted, actual, rules);
  } else {
    note_unlisted_labels("prediction", predicted, rules.prediction, rules.classes, notes);
    note_unlisted_labels("truth", actual, rules.truth, rules.classes, notes);
  }
  return rules;
}

std::vector<ImageScores> score_all(const std::vector<LabelPair>& pairs,
                                   const std::vector<metric::Confusion>& counts,
                                   const ScoringRules& rules, std::vector<std::string>& notes,
                                   const core::Context& context) {
  context.progress->begin("scoring", static_cast<std::int64_t>(pairs.size()), "images");
  std::vector<ImageScores> images;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    context.check_stop(core::kRerunHint);
    const auto prediction = pairs[i].prediction();
    const auto truth = pairs[i].truth();
    images.push_back(
        score_image({pairs[i].name, *prediction, *truth, counts[i]}, rules, notes, context));
    context.progress->update(static_cast<std::int64_t>(images.size()), pairs[i].name);
  }
  context.progress->end();
  return images;
}

/// The published smoothed score of an image without the class is 1: a reader must know how often
/// that happened.
void note_absent_classes(const std::vector<ImageScores>& images, std::vector<std::string>& notes) {
  for (std::size_t k = 0; k < images.at(0).classes.size(); ++k) {
    const auto absent = std::count_if(images.begin(), images.end(), [&](const ImageScores& image) {
      return image.is_2d && image.classes[k].iou.value && !image.classes[k].pooled_iou.value;
    });
    if (absent > 0) {
      notes.push_back(
          fmt::format("{} is in neither prediction nor truth of {} of {} images: as published, "
                      "their smoothed IoU is 1; pooled IoU is free of it",
                      images[0].classes[k].name, absent, images.size()));
    }
  }
}

void note_unknown_voxel_size(const std::vector<ImageScores>& images, bool cremi,
                             std::vector<std::string>& notes) {
  const bool unknown = std::any_of(images.begin(), images.end(),
                                   [](const ImageScores& image) { return !image.voxel_nm; });
  if (cremi && unknown) {
    notes.emplace_back("CREMI: the voxel size is not known, 40 x 4 x 4 nm is assumed");
  }
}

}  // namespace

std::vector<Problem> EvaluateOptions::validate() const {
  std::vector<Problem> problems;
  if (prediction.empty() || truth.empty()) {
    problems.push_back({.subject = prediction.empty() ? "prediction" : "truth",
                        .found = "nothing",
                        .expected = "a file or folder",
                        .remedy = "give both --prediction and --truth"});
  }
  const std::vector<Problem> reading_problems = reading.validate();
  problems.insert(problems.end(), reading_problems.begin(), reading_problems.end());
  if (!(distance_halo >= 1)) {
    problems.push_back({.subject = "distance_halo",
                        .found = fmt::format("{}", distance_halo),
                        .expected = "1 or more voxels",
                        .remedy = ""});
  }
  if (!(cremi_threshold_nm > 0)) {
    problems.push_back({.subject = "cremi_threshold_nm",
                        .found = fmt::format("{}", cremi_threshold_nm),
                        .expected = "more than 0",
                        .remedy = ""});
  }
  return problems;
}

EvaluateReport evaluate_pairs(const std::vector<LabelPair>& pairs, const EvaluateOptions& options,
                              const core::Context& context) {
  const std::int64_t voxels = inspect(pairs);
  const std::int64_t max_ram = core::parse_size(options.max_ram);
  store::shared_cache().set_budget(std::min(kMostCacheBytes, max_ram / 4));
  const auto counts = count_all(pairs, voxels, max_ram, context);
  EvaluateReport report;
  const ScoringRules rules = rules_of(counts, options, report.notes);
  report.images = score_all(pairs, counts, rules, report.notes, context);
  std::vector<Score> means;
  for (const ImageScores& image : report.images) {
    means.push_back(image.mean_iou);
  }
  report.mean_iou = mean_score(means);
  for (std::size_t k = 0; k < rules.classes.size(); ++k) {
    report.classes.push_back(average_class(report.images, k));
  }
  note_absent_classes(report.images, report.notes);
  note_unknown_voxel_size(report.images, options.cremi, report.notes);
  for (std::string& note : undefined_notes(report.images)) {
    report.notes.push_back(std::move(note));
  }
  for (const std::string& note : report.notes) {
    context.log->info(note);
  }
  return report;
}

EvaluateReport evaluate(const EvaluateOptions& options, const core::Context& context) {
  throw_if_any(ErrorKind::usage, "evaluate", options.validate());
  const auto folders = options.volume ? FolderMeaning::volume : FolderMeaning::images;
  const auto pairs = find_label_pairs({.prediction = options.prediction,
                                       .truth = options.truth,
                                       .folders = folders,
                                       .reading = options.reading});
  return evaluate_pairs(pairs, options, context);
}

}  // namespace retina::pipeline
