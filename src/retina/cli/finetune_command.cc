#include "retina/cli/commands.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/run/run_config.h"

namespace retina::cli {

Command finetune_command() {
  return make_command<pipeline::FinetuneOptions>(
      "finetune", "Train a network on labelled images.", {},
      [](const pipeline::FinetuneOptions& options, const core::Context& context) {
        const auto report = pipeline::finetune(options, context);
        return report.rank > 0 ? Rendered{}
                               : Rendered{.json = to_json(report), .text = to_text(report)};
      },
      pipeline::resolve_finetune);
}

}  // namespace retina::cli
