#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"

namespace retina::pipeline {

/// How stored grey values become uint8.
enum class GreyRule {
  as_stored,  ///< they are uint8
  truncated,  ///< they lie between 0 and 255; fractions are cut off
  min_max,    ///< of each volume the least becomes 0, the greatest 255; fractions are cut off
};

/// Stored label values `first` to `last` and the class they become.
struct LabelRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  int class_id = 0;         ///< as published
  bool is_unknown = false;  ///< marks what nobody labelled: may be ignored instead
};

/// Where something lies in a download: the first of `places` that is found there. A place is the
/// end of a path; `*` stands for any part of a name. Files and folders are found alike.
struct DownloadPart {
  std::vector<std::string> places;
  std::string dataset = {};  ///< path inside a container; empty = the file itself
};

struct LabelPart {
  DownloadPart where;
  std::vector<LabelRange> ranges;
};

/// A volume that becomes slices.
struct VolumeRecipe {
  std::string folder;  ///< of the slices, in the data set: "train/sample_A"
  DownloadPart image;
  std::vector<LabelPart> labels;             ///< where two name a class, the later counts
  std::vector<std::string> planes = {"xy"};  ///< several: each goes to its own FOLDER_PLANE
  std::int64_t skip_rows = 0;                ///< of y, that hold no data
  /// The published slicing leaves out the last plane of every axis; test volumes are whole.
  bool drops_last = true;
};

/// Images and their masks, a file each. Pairs have the same number in their names.
struct ImageSetRecipe {
  std::string folder;
  DownloadPart images;
  DownloadPart masks;
  std::vector<LabelRange> ranges;
};

/// What the published fine-tuning of a data set sets (retina.md 3.2).
struct TrainingRecipe {
  std::vector<std::string> classes;
  std::vector<double> class_weights = {};
  std::int64_t steps = 0;
  std::int64_t prints = 0;  ///< lines of the log over a run
  double mean = 0;
  double std = 0;
  double crop_nonempty = 0;
  double noise_and_blur = 0;  ///< probability of each
  std::uint64_t seed = 1234;
};

/// One public data set: where it comes from, what its download holds, what becomes of it.
struct DatasetRecipe {
  std::string name;  ///< as in `retina prepare NAME`
  std::string title;
  std::string source;                        ///< where to download it
  std::string licence;                       ///< of the data
  std::string expects;                       ///< files of the download, in words
  std::optional<core::Vec3d> voxel_nm = {};  ///< z, y, x as published
  GreyRule grey = GreyRule::as_stored;
  std::vector<VolumeRecipe> volumes = {};
  std::vector<ImageSetRecipe> image_sets = {};
  /// The download is unlabelled images, which become a pack for pre-training.
  bool is_unlabelled = false;
  TrainingRecipe training = {};
  std::vector<std::string> remarks = {};  ///< what a user of the data set should know
};

/// The one table of them.
const std::vector<DatasetRecipe>& dataset_recipes();

/// usage error with the names for one that is not in the table.
const DatasetRecipe& find_recipe(const std::string& name);

/// True if its labels mark what nobody labelled.
bool has_unknown(const DatasetRecipe& recipe);

}  // namespace retina::pipeline
