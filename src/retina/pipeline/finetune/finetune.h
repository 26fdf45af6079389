#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_report.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/trainer/rank_place.h"

namespace retina::pipeline {

/// What a verb that is made of runs gives to each of them, beside its options.
struct RunSurroundings {
  trainer::RankPlace place{};  ///< among processes that train together; as it is: alone
  /// Sees what the weights of a step say of all held-out slices, at every validation; empty =
  /// nobody does.
  std::function<void(std::int64_t step, const std::vector<PredictedSlice>&, const core::Context&)>
      validated{};
};

/// Fine-tunes a network on labelled images: checks the data as check() does, trains, validates on
/// held-out slices by full sliding-window inference, and fills the run folder (config.yaml,
/// metrics.jsonl, TensorBoard events, log.txt, checkpoints/, model/, report.html). `options` are
/// complete: bound to what resolve_finetune() made of the user's configuration. A stop request
/// writes a checkpoint and throws interrupted. Trains together with other processes where the
/// environment says so. A dry run tells what it would be and writes nothing.
FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context);

/// The same as a part of another verb's work.
FinetuneReport finetune(const FinetuneOptions& options, const RunSurroundings& surroundings,
                        const core::Context& context);

}  // namespace retina::pipeline
