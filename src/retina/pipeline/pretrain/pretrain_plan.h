#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/training_plan.h"

namespace retina::pipeline {

/// What the run would be; writes nothing.
TrainingPlan plan_pretraining(PretrainOptions options, const core::Context& context);

}  // namespace retina::pipeline
