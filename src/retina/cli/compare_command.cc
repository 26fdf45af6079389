#include "retina/cli/commands.h"
#include "retina/cli/yaml.h"
#include "retina/pipeline/compare/compare.h"

namespace retina::cli {

Command compare_command() {
  return make_command<pipeline::CompareOptions>(
      "compare", "Fine-tune a grid of datasets, initialisations, labels and seeds; test and plot.",
      {},
      [](const pipeline::CompareOptions& options, const core::Context& context) {
        const pipeline::CompareReport report = pipeline::compare(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      },
      [](const Json& given, const core::Context&) {
        return pipeline::resolve_compare(given, read_config);
      });
}

}  // namespace retina::cli
