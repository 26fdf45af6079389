#include "retina/pipeline/evaluate/evaluate.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/resource_limits.h"
#include "retina/core/slabs.h"
#include "retina/label/block_grid.h"
#include "retina/metric/confusion.h"
#include "retina/pipeline/evaluate/image_scores.h"
#include "retina/pipeline/evaluate/scoring_of_set.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kBlockBytes = 64LL << 20;
constexpr std::int64_t kMostEvaluateCacheBytes = 256LL << 20;

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

/// Number of voxels of all pairs, whose files are added to `files`; throws all shape and type
/// problems at once.
std::int64_t inspect(const std::vector<LabelPair>& pairs, store::InputFiles& files) {
  std::vector<Problem> problems;
  std::int64_t voxels = 0;
  for (const LabelPair& pair : pairs) {
    const auto prediction = pair.prediction();
    const auto truth = pair.truth();
    require_labels(*prediction, problems);
    require_labels(*truth, problems);
    files.add(prediction->info().source);
    files.add(truth->info().source);
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

/// Boxes that cover a volume once, none much larger than `max_voxels`: whole chunks, so that none
/// is decoded twice, else slabs of planes, or rows of one plane.
std::vector<core::Box3> blocks_of(const core::VolumeInfo& info, std::int64_t max_voxels) {
  std::vector<core::Box3> blocks;
  const core::Vec3 unit = label::sides_within(info.shape, info.chunk);
  if (core::whole(unit).voxels() <= max_voxels) {
    const label::BlockGrid grid(info.shape, label::block_of_units(info.shape, unit, max_voxels));
    for (std::int64_t i = 0; i < grid.count(); ++i) {
      blocks.push_back(grid.box(i));
    }
    return blocks;
  }
  core::for_each_slab(info.shape, info.chunk, max_voxels, [&](const core::Box3& slab) {
    const std::int64_t row = slab.shape[0] * slab.shape[2];
    const std::int64_t rows =
        std::max<std::int64_t>(1, max_voxels / std::max<std::int64_t>(row, 1));
    for (std::int64_t y = 0; y < slab.shape[1]; y += rows) {
      core::Box3 block = slab;
      block.start[1] = slab.start[1] + y;
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

std::vector<ImageScores> score_all(const std::vector<LabelPair>& pairs,
                                   const std::vector<metric::Confusion>& counts,
                                   const Scoring& scoring, std::vector<std::string>& notes,
                                   const core::Context& context) {
  context.progress->begin("scoring", static_cast<std::int64_t>(pairs.size()), "images");
  std::vector<ImageScores> images;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    context.check_stop(core::kRerunHint);
    const auto prediction = pairs[i].prediction();
    const auto truth = pairs[i].truth();
    images.push_back(score_image({pairs[i].name, *prediction, *truth, counts[i]},
                                 scoring.of_image(i), notes, context));
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
  try {
    core::memory_limit(max_ram);
  } catch (const Error& error) {
    problems.push_back({.subject = error.what()});
  }
  return problems;
}

EvaluateReport evaluate_pairs(const std::vector<LabelPair>& pairs, const EvaluateOptions& options,
                              const core::Context& context) {
  store::InputFiles files;
  const std::int64_t voxels = inspect(pairs, files);
  const std::int64_t max_ram = core::memory_limit(options.max_ram);
  store::shared_cache().set_budget(std::min(kMostEvaluateCacheBytes, max_ram / 4));
  const auto counts = count_all(pairs, voxels, max_ram, context);
  EvaluateReport report;
  const Scoring scoring = scoring_of_set(counts, options, report.notes);
  report.images = score_all(pairs, counts, scoring, report.notes, context);
  files.require_unchanged(store::InputFiles::Rerun::afresh);
  std::vector<Score> means;
  for (const ImageScores& image : report.images) {
    means.push_back(image.mean_iou);
  }
  report.mean_iou = mean_score(means);
  for (std::size_t k = 0; k < scoring.rules.classes.size(); ++k) {
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
