#pragma once

#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"

namespace retina::pipeline {

/// Finds and opens the image/label pairs of a dataset (layouts: data/options.h). Reads metadata,
/// and samples of images that are not uint8 (range, values that are not finite); labels are read
/// when planes are (pipeline::check reads them all). bad_data lists all pairing and shape problems
/// at once. `class_count` includes background. Warns once of values that are not finite.
data::Dataset open_dataset(const data::DataOptions& options, int class_count,
                           const core::Context& ctx);

/// What could be opened, and every problem found on the way.
struct OpenedDataset {
  data::Dataset dataset;
  std::vector<Problem> problems;
  std::string note;  ///< of values that are not finite in a sample of the images; empty = none seen
};

/// The same, without a warning, for callers that go on to look for more problems.
OpenedDataset try_open_dataset(const data::DataOptions& options, int class_count,
                               const core::Context& ctx);

/// Puts the name of its source before those of its images: data sets number them alike.
void name_after_source(data::Dataset& dataset, const data::DataOptions& source);

}  // namespace retina::pipeline
