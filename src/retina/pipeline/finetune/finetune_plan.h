#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_report.h"

namespace retina::pipeline {

/// The report of a dry run: what the run would be, from what can be told without its folder. Labels
/// are read only to find the regions to leave out. Refuses what the run would refuse at its start.
FinetuneReport plan_finetuning(FinetuneOptions options, const core::Context& context);

}  // namespace retina::pipeline
