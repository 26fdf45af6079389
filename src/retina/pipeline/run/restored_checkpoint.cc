#include "retina/pipeline/run/restored_checkpoint.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/model/model.h"
#include "retina/report/metrics_log.h"
#include "retina/trainer/checkpoint.h"

namespace retina::pipeline {

RestoredCheckpoint restore_checkpoint(const RunFolder& run, std::int64_t step,
                                      trainer::TrainLoop& loop, spdlog::logger& log) {
  const std::filesystem::path folder = trainer::checkpoint_folder(run.checkpoints(), step);
  trainer::Checkpoint checkpoint = trainer::load_checkpoint(folder);
  if (!checkpoint.progress.value("best_score", Json()).is_null() &&
      !std::filesystem::exists(run.model() / model::kCardFile)) {
    log.warn("{}: the best model so far is gone; the next one validated takes its place",
             run.model().string());
    checkpoint.progress["best_score"] = nullptr;
  }
  loop.restore(checkpoint, folder.string());
  return {.step = step, .seconds = checkpoint.progress.value("seconds", 0.0)};
}

std::optional<RestoredCheckpoint> restore_newest(const RunFolder& run, trainer::TrainLoop& loop,
                                                 spdlog::logger& log) {
  const std::vector<std::int64_t> steps = trainer::checkpoint_steps(run.checkpoints());
  if (steps.empty()) {
    return std::nullopt;
  }
  for (auto step = steps.rbegin();; ++step) {
    try {
      const RestoredCheckpoint restored = restore_checkpoint(run, *step, loop, log);
      log.info("resumed after step {}", *step);
      return restored;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data || std::next(step) == steps.rend()) {
        throw;
      }
      log.warn("{}; going on from the checkpoint before it", error.what());
    }
  }
}

Json last_logged(const std::filesystem::path& run, std::int64_t step) {
  const std::vector<Json> lines = report::read_metrics(run / "metrics.jsonl");
  const auto found = std::find_if(lines.rbegin(), lines.rend(), [step](const Json& line) {
    const auto of_line = report::number_in(line, "step");
    return line.contains("loss") && of_line && *of_line <= static_cast<double>(step);
  });
  return found == lines.rend() ? Json::object() : *found;
}

}  // namespace retina::pipeline
