#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/training_plan.h"

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

/// Pre-trains a network on unlabelled images by image restoration, and fills the run folder
/// (config.yaml, metrics.jsonl, TensorBoard events, log.txt, checkpoints/, pictures/, model/,
/// report.html). A stop request writes a checkpoint and throws interrupted; a collapsed training is
/// an error that leaves the checkpoints before it. report.html is written anew with pictures and
/// checkpoints, and tells why a run ended early. A dry run tells what it would be and writes
/// nothing.
PretrainReport pretrain(const PretrainOptions& options, const core::Context& context);

/// What is wrong with the figures of a training step whose output says nothing any more.
std::optional<Problem> collapse_of(const Json& values, std::int64_t step);

Json to_json(const PretrainReport& report);
std::string to_text(const PretrainReport& report);

}  // namespace retina::pipeline
