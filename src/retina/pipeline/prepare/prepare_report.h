#pragma once

#include <vector>

#include "retina/core/json.h"
#include "retina/pipeline/prepare/prepare.h"
#include "retina/pipeline/prepare/prepare_plan.h"
#include "retina/pipeline/prepare/prepare_recipes.h"

namespace retina::pipeline {

/// One for each folder that a plan fills, in the order in which they are written: volumes, and of
/// each its planes, then sets of images.
std::vector<PreparedFolder> planned_folders(const PreparePlan& plan);

/// What a prepared data set keeps about itself: where it comes from, what lies in each folder.
Json prepared_record(const PrepareReport& report, const DatasetRecipe& recipe);

/// The table of data sets.
Json list_recipes();

}  // namespace retina::pipeline
