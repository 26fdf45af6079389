#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/finetune_options.h"
#include "retina/pipeline/finetune_report.h"
#include "retina/pipeline/run_config.h"

namespace retina::pipeline {

/// Fine-tunes a network on labelled images: checks the data as check() does, trains, validates on
/// held-out slices by full sliding-window inference, and fills the run folder (config.yaml,
/// metrics.jsonl, TensorBoard events, log.txt, checkpoints/, model/, report.html). `options` are
/// complete: bound to what resolve_finetune() made of the user's configuration. A stop request
/// writes a checkpoint and throws interrupted.
FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context);

}  // namespace retina::pipeline
