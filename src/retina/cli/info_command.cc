#include "retina/cli/commands.h"
#include "retina/pipeline/convert/info.h"

namespace retina::cli {

Command info_command() {
  return make_command<pipeline::InfoOptions>(
      "info", "Say what a file is and how it was understood.", {"path"},
      [](const pipeline::InfoOptions& options, const core::Context& context) {
        const pipeline::InfoReport report = pipeline::info(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
