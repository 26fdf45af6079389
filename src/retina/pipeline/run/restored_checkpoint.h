#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retina/core/json.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/trainer/train_loop.h"

namespace spdlog {
class logger;
}

namespace retina::pipeline {

/// A checkpoint that a resumed run goes on from.
struct RestoredCheckpoint {
  std::int64_t step = 0;
  double seconds = 0;  ///< of the run until then
};

/// Restores `loop` from the checkpoint after `step` steps. Where the best model so far is gone, its
/// score is forgotten, with a warning.
RestoredCheckpoint restore_checkpoint(const RunFolder& run, std::int64_t step,
                                      trainer::TrainLoop& loop, spdlog::logger& log);

/// The same from the newest one that can be read, with a warning for each that cannot; none where
/// there are no checkpoints. bad_data if none can be read.
std::optional<RestoredCheckpoint> restore_newest(const RunFolder& run, trainer::TrainLoop& loop,
                                                 spdlog::logger& log);

/// The figures of the last training step in a run's log up to `step`, that of its checkpoint: for a
/// run that had nothing left to do, or has just been resumed.
Json last_logged(const std::filesystem::path& run, std::int64_t step);

}  // namespace retina::pipeline
