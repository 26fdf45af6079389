#include "retina/cli/commands.h"
#include "retina/pipeline/pretrain/pretrain.h"

namespace retina::cli {

Command pretrain_command() {
  return make_command<pipeline::PretrainOptions>(
      "pretrain", "Train a network on unlabelled images by restoring what was degraded.",
      {"images"},
      [](const pipeline::PretrainOptions& options, const core::Context& context) {
        const auto report = pipeline::pretrain(options, context);
        return report.rank > 0 ? Rendered{}
                               : Rendered{.json = to_json(report), .text = to_text(report)};
      },
      pipeline::resolve_pretrain);
}

}  // namespace retina::cli
