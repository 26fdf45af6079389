#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/finetune/finetune_options.h"

namespace spdlog {
class logger;
}

namespace retina::pipeline {

/// Data of one or several sources as one data set.
struct OpenedSources {
  std::shared_ptr<const data::Dataset> dataset;
  Json records = Json::array();  ///< source_record() of each
};

/// Opens the labelled images of `sources`, whose classes 1, 2, ... have these names; the first
/// source says in which range intensities are read of all. Errors as of open_dataset().
OpenedSources open_sources(const std::vector<data::DataOptions>& sources,
                           const std::vector<std::string>& classes, const core::Context& context);

/// The data of a run, and what check_data() found in them.
struct FinetuneData {
  std::shared_ptr<const data::Dataset> training;
  std::shared_ptr<const data::Dataset> held_out;  ///< null = none
  Json records = Json::array();                   ///< OpenedSources::records of the training data
  CheckReport checked;
};

/// bad_data with all that is wrong with them; leaks are in the report alone.
FinetuneData open_checked(const FinetuneOptions& options, const core::Context& context);

/// Warns of held-out images that are trained on too. Training goes on: the user may want it so, but
/// has to know what the scores are worth.
void warn_of_leaks(const CheckReport& checked, spdlog::logger& log);

}  // namespace retina::pipeline
