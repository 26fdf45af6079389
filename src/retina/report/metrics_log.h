#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/report/event_file.h"

namespace retina::report {

/// metrics.jsonl and TensorBoard events of a run folder, appended together; each line carries its
/// step. On resume, lines beyond `resume_step` are dropped first (and the events rewritten from the
/// rest), so a resumed run reads as one.
class MetricsLog {
 public:
  /// `resume_step` -1 starts anew.
  MetricsLog(const std::filesystem::path& run_folder, std::int64_t resume_step);
  /// Values of one step: {"loss": 0.4, "validation/iou": 0.8}. Non-numbers go to metrics.jsonl
  /// only. `wall_time_s`: seconds since the start of the run.
  void write(std::int64_t step, double wall_time_s, const Json& values);
  void flush();

 private:
  void write_events(const Json& line);

  std::filesystem::path path_;
  std::ofstream jsonl_;
  std::optional<EventFile> events_;
};

/// The number under `name` of a line; none where there is none, or it was no finite one.
std::optional<double> number_in(const Json& line, const std::string& name);

/// All lines of a metrics.jsonl; a torn last line is left out, any other defect is bad_data. An
/// absent file has no lines.
std::vector<Json> read_metrics(const std::filesystem::path& jsonl);

}  // namespace retina::report
