#include "retina/cli/commands.h"
#include "retina/pipeline/bench/bench.h"

namespace retina::cli {

Command bench_command() {
  return make_command<pipeline::BenchOptions>(
      "bench", "Time the parts that the published code is compared by.", {},
      [](const pipeline::BenchOptions& options, const core::Context& context) {
        const auto report = pipeline::bench(options, context);
        return Rendered{.json = to_json(report), .text = to_text(report)};
      });
}

}  // namespace retina::cli
