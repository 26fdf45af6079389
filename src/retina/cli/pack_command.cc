#include "retina/cli/commands.h"
#include "retina/pipeline/convert/pack.h"

namespace retina::cli {

Command pack_command() {
  return make_command<pipeline::PackOptions>(
      "pack", "Make a memory-mapped pack of images or of a labelled dataset.", {"images"},
      [](const pipeline::PackOptions& options, const core::Context& context) {
        const auto report = pipeline::pack(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
