#include "retina/cli/commands.h"
#include "retina/pipeline/predict/predict.h"

namespace retina::cli {

Command predict_command() {
  return make_command<pipeline::PredictOptions>(
      "predict", "Predict images and volumes of any size with a trained model.", {"input"},
      [](const pipeline::PredictOptions& options, const core::Context& context) {
        const auto report = pipeline::predict(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
