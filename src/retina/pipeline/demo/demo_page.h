#pragma once

#include "retina/pipeline/demo/demo.h"
#include "retina/pipeline/evaluate/evaluation_report.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/predict/predict.h"

namespace retina::pipeline {

/// Writes report.report: image, truth, prediction and errors on the middle planes of the three
/// axes, the training curves and the scores.
void write_demo_page(const DemoReport& report, const FinetuneReport& training,
                     const EvaluateReport& scores, const PredictReport& prediction);

}  // namespace retina::pipeline
