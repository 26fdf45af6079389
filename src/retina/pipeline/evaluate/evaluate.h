#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/metric/distance.h"
#include "retina/pipeline/evaluate/evaluation_report.h"
#include "retina/pipeline/evaluate/label_pairs.h"
#include "retina/pipeline/reading_options.h"

namespace retina::pipeline {

struct EvaluateOptions {
  std::string prediction{};
  std::string truth{};
  std::vector<std::string> classes{};
  std::optional<std::int64_t> ignore_value{};
  bool volume = false;
  bool mask_prediction = false;
  bool instance_match = false;
  bool distances = true;
  metric::DirectedStatistic distance_statistic = metric::DirectedStatistic::mean;
  bool cremi = false;
  double cremi_threshold_nm = 200;
  ReadingOptions reading{};
  std::string max_ram = "auto";
  double distance_halo = 64;
  std::string scratch{};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("prediction", self.prediction,
          "predicted labels: an image, a volume, a folder, or a pack");
    visit("truth", self.truth, "true labels: the same kind of thing as the prediction");
    visit("classes", self.classes,
          "classes to score: ids (2), ids with names (1=mitochondria), or names alone, which are "
          "classes 1, 2, ... in order; all that occur but 0 if not given");
    visit("ignore_value", self.ignore_value,
          "truth value that means 'not known'; such voxels are never counted");
    visit("volume", self.volume,
          "a folder is one volume in slices, not a set of images (a set is scored image by image)");
    visit("mask_prediction", self.mask_prediction,
          "set the prediction to 0 where the truth is 0: for truths that label only a part");
    visit("instance_match", self.instance_match,
          "drop predicted objects that touch no true object, as published for the Perez sets");
    visit("distances", self.distances,
          "compute the mean false distance; of volumes that do not fit max_ram by blocks");
    visit("distance_statistic", self.distance_statistic,
          "what the mean false distance is made of: mean or max of the directed distances");
    visit("cremi", self.cremi, "compute the CREMI cleft scores (ADGT, ADF, their mean)");
    visit("cremi_threshold_nm", self.cremi_threshold_nm,
          "CREMI: a voxel farther than this from the other set is false, nm");
    ReadingOptions::fields(self.reading, visit);
    visit("max_ram", self.max_ram,
          "memory to use, such as 8GiB; auto: 4GiB, or half of what the process may use if less");
    visit(
        "distance_halo", self.distance_halo,
        "by blocks: distances up to this many voxels (of the smallest side) are found; where some "
        "are greater the mean is undefined, unless scratch is given");
    visit("scratch", self.scratch,
          "folder for a file of 4 bytes a voxel, with which distances of any size are found");
  }
  std::vector<Problem> validate() const;
};

/// Compares label maps with the truth (retina.md sections 4.3, 4.4 and 5). Counts are streamed by
/// blocks and exact for any size; instance matching, distances and CREMI scores read an image or
/// volume whole where it fits max_ram, else by blocks, distances with a halo or with the help of a
/// scratch file. A 2D image is scored by (I + 1e-5) / (U + 1e-5), a volume by I/U. A
/// 0/255 mask is read as 0/1, which is logged. bad_data lists all pairing, shape and type problems
/// at once, and files that change meanwhile; resource if there are more objects to match than
/// max_ram holds.
EvaluateReport evaluate(const EvaluateOptions& options, const core::Context& context);

/// The same for pairs found or made by the caller; the paths and folder meaning of `options` are
/// not used.
EvaluateReport evaluate_pairs(const std::vector<LabelPair>& pairs, const EvaluateOptions& options,
                              const core::Context& context);

}  // namespace retina::pipeline
