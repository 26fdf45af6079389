#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/pretrain/pretrain_report.h"

namespace retina::pipeline {

/// Pre-trains a network on unlabelled images by image restoration, and fills the run folder
/// (config.yaml, metrics.jsonl, TensorBoard events, log.txt, checkpoints/, pictures/, model/,
/// report.html). A stop request writes a checkpoint and throws interrupted; a collapsed training is
/// an error that leaves the checkpoints before it. report.html is written anew with pictures and
/// checkpoints, and tells why a run ended early. A dry run tells what it would be and writes
/// nothing.
PretrainReport pretrain(const PretrainOptions& options, const core::Context& context);

}  // namespace retina::pipeline
