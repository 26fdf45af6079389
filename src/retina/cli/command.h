#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "retina/cli/flags.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"

namespace retina::cli {

/// What a verb prints: `text` for people, or `json` with --json; nothing where another process of
/// the same run does.
struct Rendered {
  Json json;
  std::string text;
  int exit_code =
      0;  ///< not 0 where the result itself is a failure, such as `check` that found problems
};

/// One verb: its flags, and what it does with the configuration they make.
struct Command {
  std::string name;
  std::string summary;                   ///< one line
  std::vector<std::string> positionals;  ///< keys that may be given without a flag, in order
  std::vector<Flag> flags;
  std::function<Rendered(const Json& configuration, const core::Context&)> run;
};

/// A verb whose options are the struct that `run` takes: flags, config files and --set all bind to
/// it. `resolve` may rewrite the configuration before it is bound (presets, other people's
/// formats).
template <core::OptionStruct Options>
Command make_command(std::string name, std::string summary, std::vector<std::string> positionals,
                     std::function<Rendered(const Options&, const core::Context&)> run,
                     std::function<Json(const Json&, const core::Context&)> resolve = {}) {
  return {.name = std::move(name),
          .summary = std::move(summary),
          .positionals = std::move(positionals),
          .flags = flags_of<Options>(),
          .run = [run = std::move(run), resolve = std::move(resolve)](
                     const Json& given, const core::Context& context) {
            return run(core::options_from_json<Options>(resolve ? resolve(given, context) : given),
                       context);
          }};
}

/// All verbs in the order of the pipeline; the one table of them.
std::vector<Command> all_commands();

}  // namespace retina::cli
