#pragma once

#include <cstdint>
#include <memory>

#include "retina/core/intensity.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/pipeline/pretrain/pretrain_options.h"

namespace retina::pipeline {

/// The images of all sources as one data set, which lists a plane as often as patches fit in it.
struct PretrainingImages {
  std::shared_ptr<data::Dataset> dataset = std::make_shared<data::Dataset>();
  Json records = Json::array();  ///< source_record() of each source
  /// Stored values that became 0 and 255 in all images; 0 .. 255 where those differ between them.
  core::IntensityRange range;
};

/// bad_data with all problems of the images.
PretrainingImages open_images(const PretrainOptions& options, const core::Context& context);

/// Whole batches of patches; at least 1.
std::int64_t steps_of_epoch(const data::Dataset& dataset, const PretrainOptions& options);
/// 0 = until the time is up.
std::int64_t steps_of_run(const data::Dataset& dataset, const PretrainOptions& options);

}  // namespace retina::pipeline
