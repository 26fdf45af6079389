#include "retina/cli/commands.h"
#include "retina/pipeline/evaluate/evaluate.h"

namespace retina::cli {

Command evaluate_command() {
  return make_command<pipeline::EvaluateOptions>(
      "evaluate", "Score a prediction against the truth.", {},
      [](const pipeline::EvaluateOptions& options, const core::Context& context) {
        const auto report = pipeline::evaluate(options, context);
        return Rendered{.json = to_json(report), .text = to_table(report)};
      });
}

}  // namespace retina::cli
