#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/report/picture.h"

namespace retina::pipeline {

/// A table of a run's page; the first row is its header.
struct SummaryTable {
  std::string title;
  std::string text;  ///< below the title
  std::vector<std::vector<std::string>> rows;
};

/// What a training run tells about itself.
struct RunSummary {
  std::string title;
  std::vector<std::pair<std::string, std::string>> facts;  ///< name, value
  std::vector<std::string> class_names;                    ///< of the network's output maps
  std::optional<ValidationScores> validation;              ///< of the model that was kept
  std::vector<SummaryTable> tables{};                      ///< after the validation
  std::string samples_are = "Held-out slices";
  std::vector<SliceSample> samples;
  std::string pictures_are{};
  std::vector<std::vector<report::Picture>> pictures{};  ///< rows of more pictures
};

/// Writes RUN/report.html from RUN/metrics.jsonl and the summary: facts, scores, curves, pictures.
void write_run_report(const std::filesystem::path& run, const RunSummary& summary);

}  // namespace retina::pipeline
