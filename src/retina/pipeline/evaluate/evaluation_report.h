#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/json.h"
#include "retina/metric/overlap.h"

namespace retina::pipeline {

/// A number, or why there is none.
struct Score {
  std::optional<double> value{};
  std::string reason{};  ///< empty where there is a value
};

/// CREMI cleft scores in nanometres, lower is better; counts of voxels farther than the threshold
/// from the other set.
struct CremiReport {
  Score adgt{};
  Score adf{};
  Score score{};
  Score false_positives{};
  Score false_negatives{};
};

/// Scores of one class, in one image or over all.
struct ClassScores {
  std::int64_t id = 0;
  std::string name{};
  metric::OverlapCounts counts{};
  Score iou{};  ///< as published: smoothed per 2D image, I/U per volume; over all: the mean of the
                ///< images
  Score pooled_iou{};  ///< I/U of the summed counts
  Score f{};
  Score precision{};
  Score recall{};
  Score mfd{};     ///< mean false distance in pixels
  Score mfd_nm{};  ///< the same in nanometres
  std::optional<CremiReport> cremi{};
};

struct ImageScores {
  std::string name{};
  core::Vec3 shape{0, 0, 0};
  bool is_2d = false;
  std::optional<core::Vec3d> voxel_nm{};
  std::int64_t voxels = 0;  ///< scored, without the ignored ones
  std::int64_t ignored = 0;
  Score mean_iou{};  ///< mean of the classes' iou
  std::vector<ClassScores> classes{};
};

/// What `evaluate` found.
struct EvaluateReport {
  Score mean_iou{};                    ///< mean of the images' mean_iou, as published
  std::vector<ClassScores> classes{};  ///< means over the images in which a score is defined
  std::vector<ImageScores> images{};
  std::vector<std::string> notes{};  ///< what a reader of the numbers must know
};

/// mean of the defined scores; else undefined for the reason of the first.
Score mean_score(const std::vector<Score>& scores);

/// One class over all images: counts summed, scores averaged.
ClassScores average_class(const std::vector<ImageScores>& images, std::size_t index);

/// Says of which scores some images were left out of the mean, and why.
std::vector<std::string> undefined_notes(const std::vector<ImageScores>& images);

/// Keys mean_iou, classes (each id, name, iou, pooled_iou, f, precision, recall, mfd, mfd_nm,
/// counts), images and notes. An undefined score is null, with its reason under "reason".
Json to_json(const EvaluateReport& report);

/// Aligned tables for people; "undefined" with the reason below the table.
std::string to_table(const EvaluateReport& report);

}  // namespace retina::pipeline
