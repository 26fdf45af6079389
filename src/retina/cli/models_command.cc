#include "retina/cli/commands.h"
#include "retina/pipeline/models/models.h"

namespace retina::cli {

Command models_command() {
  return make_command<pipeline::ModelsOptions>(
      "models", "List and show models; import and export weights.", {"action", "path"},
      [](const pipeline::ModelsOptions& options, const core::Context& context) {
        const pipeline::ModelsReport report = pipeline::models(options, context);
        return Rendered{.json = report.json, .text = report.text};
      },
      pipeline::resolve_models);
}

}  // namespace retina::cli
