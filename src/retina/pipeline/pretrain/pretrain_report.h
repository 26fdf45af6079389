#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/json.h"
#include "retina/pipeline/run/training_plan.h"
#include "retina/report/picture.h"

namespace retina::pipeline {

struct PretrainReport {
  std::string run;  ///< folder
  std::int64_t steps = 0;
  double epochs = 0;
  double seconds = 0;                   ///< of the whole run
  std::optional<double> loss{};         ///< exponential mean of the last steps; none if not known
  std::optional<double> input_error{};  ///< what an output equal to the input would have
  std::optional<double> device_busy{};
  std::optional<double> seconds_left{};  ///< of a run under way
  std::string report;                    ///< report.html
  std::int64_t rank = 0;                 ///< that tells this; only rank 0's is whole
  std::optional<TrainingPlan> plan{};    ///< of a dry run, which leaves all else empty
};

Json to_json(const PretrainReport& report);
std::string to_text(const PretrainReport& report);

/// What the page shows beside the report's own figures.
struct PretrainPage {
  std::string state;  ///< "finished", "under way", or why the run ended
  std::string device;
  std::size_t images = 0;
  std::size_t patches = 0;                                    ///< of an epoch
  std::vector<std::pair<std::string, std::string>> transfer;  ///< facts; empty = random weights
  std::vector<std::vector<report::Picture>> pictures;  ///< rows of input, reconstruction, target
};

/// Writes report.html into the run's folder.
void write_pretrain_page(const PretrainReport& report, const std::string& preset,
                         PretrainPage page);

}  // namespace retina::pipeline
