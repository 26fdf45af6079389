#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/data/statistics.h"
#include "retina/pipeline/check/thumbnail.h"

namespace retina::pipeline {

struct CheckOptions {
  data::DataOptions data;
  std::vector<data::DataOptions> more_data{};  ///< further data sets, trained on together
  data::DataOptions validation{};              ///< held-out data; that name no images: none
  std::vector<std::string> classes;  ///< names of class ids 1, 2, ...; empty: any id is accepted
  std::int64_t max_planes = 4000;    ///< planes read; a larger dataset is sampled
  std::string output{};              ///< page to write; empty = none
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("data", self.data, "the dataset");
    visit("more_data", self.more_data, "further data sets with the same classes");
    visit("validation", self.validation,
          "held-out data: checked as well, and for images that are also in the dataset");
    visit("classes", self.classes, "names of class ids 1, 2, ...; empty: any id is accepted");
    visit("max_planes", self.max_planes, "planes that are read; a larger dataset is sampled");
    visit("output", self.output, "also write a page with tables and thumbnails, PAGE.html");
    visit("overwrite", self.overwrite, "replace a page that exists");
  }
  std::vector<Problem> validate() const;
};

/// What was found in one image or volume.
struct CheckedVolume {
  std::string name;
  bool is_held_out = false;   ///< of the validation data
  core::Vec3 shape{0, 0, 0};  ///< z, y, x
  core::DType image_dtype = core::DType::u8;
  core::DType label_dtype = core::DType::u8;
  std::vector<std::pair<std::int64_t, std::int64_t>> stored_labels;  ///< value, pixels
  data::Statistics statistics;  ///< of the planes that were read
};

/// One image that occurs twice.
struct RepeatedPlane {
  std::string first;
  std::string second;
  bool is_turned = false;      ///< flipped or turned
  bool labels_differ = false;  ///< so that one of the masks is wrong
  bool is_leak = false;        ///< one is training data, the other held out
};

struct CheckReport {
  std::vector<std::string> class_names;  ///< by class id, background first
  std::vector<CheckedVolume> volumes;
  data::Statistics statistics;  ///< over the volumes that are not held out
  std::int64_t planes = 0;      ///< in the dataset
  std::string digest;           ///< of images and class ids of its planes that were read
  std::vector<RepeatedPlane> repeated;
  std::int64_t constant_planes = 0;  ///< of one grey value
  std::vector<Thumbnail> thumbnails;
  std::vector<std::string> notes;  ///< how something was understood, or looks odd
  std::vector<Problem> problems;   ///< what stands in the way of training

  bool ok() const { return problems.empty(); }
};

/// Verifies pairs, shapes, types, label values, class shares, empty masks, grey values, repeated
/// images (within the dataset and between it and the held-out data) and the geometry of images
/// against their labels, by bands of planes in little memory, and that no file changed meanwhile.
/// Does not throw for what is wrong with the data: all of it is in `problems`. Writes
/// options.output.
CheckReport check(const CheckOptions& options, const core::Context& ctx);

/// Data that are open already.
struct CheckedData {
  const data::Dataset* training;
  const data::Dataset* held_out = nullptr;  ///< null = none
};

/// The same for them, without a page. Leaks are in `repeated` alone: check() takes them for
/// problems, while a user may train with them knowingly.
CheckReport check_data(const CheckedData& parts, const CheckOptions& options,
                       const core::Context& ctx);

/// What is wrong with a held-out image that is trained on.
Problem leak_problem(const RepeatedPlane& leak);

/// bad_data with all problems of the report, if there are any.
void throw_if_bad(const CheckReport& report, const CheckOptions& options);

Json to_json(const CheckReport& report);
/// A table with one line for each volume (at most `max_rows`), then statistics, notes and problems.
std::string to_table(const CheckReport& report, std::size_t max_rows = 40);

}  // namespace retina::pipeline
