#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/pipeline/finetune_options.h"
#include "retina/pipeline/run_config.h"

namespace retina::pipeline {

struct FinetuneReport {
  std::string run;  ///< folder
  std::int64_t steps = 0;
  double seconds = 0;                         ///< of the whole run, checks and validations included
  std::optional<double> best_validation_iou;  ///< mean over classes of the mean over slices
  std::int64_t best_step = -1;
  double device_busy = 0;  ///< 1 - time the training waited for data / its time
  std::string report;      ///< report.html
};

/// Fine-tunes a network on labelled images: checks the data, trains, validates on held-out slices
/// by full sliding-window inference, and fills the run folder (config.yaml, metrics.jsonl,
/// TensorBoard events, log.txt, checkpoints/, model/, report.html). `options` are complete: bound
/// to what resolve_finetune() made of the user's configuration. A stop request writes a checkpoint
/// and throws interrupted.
FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context);

Json to_json(const FinetuneReport& report);
std::string to_text(const FinetuneReport& report);

}  // namespace retina::pipeline
