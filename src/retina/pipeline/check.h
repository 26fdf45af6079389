#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/data/statistics.h"

namespace retina::pipeline {

struct CheckOptions {
  data::DataOptions data;
  std::vector<std::string> classes;  ///< names of class ids 1, 2, ...; empty: any id is accepted
  std::int64_t max_planes = 4000;    ///< planes read; a larger dataset is sampled

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("data", self.data, "the dataset");
    visit("classes", self.classes, "names of class ids 1, 2, ...; empty: any id is accepted");
    visit("max_planes", self.max_planes, "planes that are read; a larger dataset is sampled");
  }
};

/// What was found in one image or volume.
struct CheckedVolume {
  std::string name;
  core::Vec3 shape{0, 0, 0};  ///< z, y, x
  core::DType image_dtype = core::DType::u8;
  core::DType label_dtype = core::DType::u8;
  std::vector<std::pair<std::int64_t, std::int64_t>> stored_labels;  ///< value, pixels
  data::Statistics statistics;  ///< of the planes that were read
};

struct CheckReport {
  std::vector<std::string> class_names;  ///< by class id, background first
  std::vector<CheckedVolume> volumes;
  data::Statistics statistics;     ///< over all of them
  std::int64_t planes = 0;         ///< in the dataset
  std::vector<std::string> notes;  ///< how something was understood, or looks odd
  std::vector<Problem> problems;   ///< what stands in the way of training

  bool ok() const { return problems.empty(); }
};

/// Verifies pairs, shapes, types, label values, class shares, empty masks and grey values of a
/// dataset. Does not throw for what is wrong with the data: all of it is in `problems`.
CheckReport check(const CheckOptions& options, const core::Context& ctx);

/// The same for a dataset that is open already.
CheckReport check_dataset(const data::Dataset& dataset, const CheckOptions& options,
                          const core::Context& ctx);

/// bad_data with all problems of the report, if there are any.
void throw_if_bad(const CheckReport& report, const CheckOptions& options);

Json to_json(const CheckReport& report);
/// A table with one line for each volume (at most `max_rows`), then statistics, notes and problems.
std::string to_table(const CheckReport& report, std::size_t max_rows = 40);

}  // namespace retina::pipeline
