#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/json.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/finetune/leave_one_out.h"
#include "retina/pipeline/run/training_plan.h"

namespace retina::pipeline {

struct FinetuneReport {
  std::string run;  ///< folder
  std::int64_t steps = 0;
  double seconds = 0;                         ///< of the whole run, checks and validations included
  std::optional<double> best_validation_iou;  ///< of the model: mean over classes and slices
  std::int64_t best_step = -1;
  double device_busy =
      0;  ///< of a GPU: share of the time it had work; of a CPU: 1 - waiting for data
  std::string precision;  ///< fp32, tf32 or bf16: what "auto" meant on the device of this run
  std::string report;     ///< report.html
  std::string state{};    ///< what ended the run, in words
  std::optional<LeaveOneOut> leave_one_out{};
  std::int64_t rank = 0;               ///< that tells this; only rank 0's is whole
  std::optional<TrainingPlan> plan{};  ///< of a dry run, which leaves what is above empty
  std::int64_t trainings = 1;          ///< of a dry run: that share the plan's max_seconds equally
};

Json to_json(const FinetuneReport& report);
std::string to_text(const FinetuneReport& report);

/// What the page shows beside the report's own figures.
struct FinetunePage {
  std::string device;
  std::vector<std::pair<std::string, std::string>> transfer;  ///< facts; empty = random weights
  std::int64_t training_slices = 0;
  std::int64_t held_out_slices = 0;            ///< 0: the samples are training slices
  std::optional<ValidationScores> validation;  ///< of the model that was kept, where known
  std::vector<SliceSample> samples;
};

/// Writes report.html into the run's folder.
void write_finetune_page(const FinetuneReport& report, const FinetuneOptions& options,
                         FinetunePage page);

}  // namespace retina::pipeline
