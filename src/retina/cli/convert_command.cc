#include "retina/cli/commands.h"
#include "retina/pipeline/convert/convert.h"

namespace retina::cli {

Command convert_command() {
  return make_command<pipeline::ConvertOptions>(
      "convert", "Copy a volume into another format, data type, part or layout.", {"input"},
      [](const pipeline::ConvertOptions& options, const core::Context& context) {
        const auto report = pipeline::convert(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
