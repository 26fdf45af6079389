#include "retina/cli/commands.h"
#include "retina/pipeline/demo/demo.h"

namespace retina::cli {

Command demo_command() {
  return make_command<pipeline::DemoOptions>(
      "demo", "Show the whole pipeline on synthetic EM.", {},
      [](const pipeline::DemoOptions& options, const core::Context& context) {
        const auto report = pipeline::demo(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
