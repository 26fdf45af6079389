#include "retina/cli/commands.h"
#include "retina/pipeline/prepare/prepare.h"

namespace retina::cli {

Command prepare_command() {
  return make_command<pipeline::PrepareOptions>(
      "prepare", "Turn a downloaded public data set into a dataset to train on.",
      {"dataset", "downloads"},
      [](const pipeline::PrepareOptions& options, const core::Context& context) {
        const auto report = pipeline::prepare(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
