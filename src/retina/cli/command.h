#pragma once

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "retina/cli/flags.h"
#include "retina/core/error.h"
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
  /// `config` is the file that the configuration came from, for messages; "" without one.
  std::function<Rendered(const Json& configuration, const std::string& config,
                         const core::Context&)>
      run;
};

/// The configuration as another form of it.
using Resolve = std::function<Json(const Json&, const core::Context&)>;

/// The options that a configuration makes; errors name its file.
template <core::OptionStruct Options>
Options bind_options(const Json& given, const std::string& config, const Resolve& resolve,
                     const core::Context& context) {
  try {
    return core::options_from_json<Options>(resolve ? resolve(given, context) : given);
  } catch (const Error& error) {
    if (config.empty() || error.kind() != ErrorKind::usage) {
      throw;
    }
    throw error.within(config);
  }
}

/// A verb whose options are the struct that `run` takes: flags, config files and --set all bind to
/// it. `resolve` may rewrite the configuration before it is bound (presets, other people's
/// formats).
template <core::OptionStruct Options>
Command make_command(const std::string& name, const std::string& summary,
                     const std::vector<std::string>& positionals,
                     std::function<Rendered(const Options&, const core::Context&)> run,
                     Resolve resolve = {}) {
  return {.name = name,
          .summary = summary,
          .positionals = positionals,
          .flags = flags_of<Options>(),
          .run = [run = std::move(run), resolve = std::move(resolve)](
                     const Json& given, const std::string& config, const core::Context& context) {
            return run(bind_options<Options>(given, config, resolve, context), context);
          }};
}

/// All verbs in the order of the pipeline; the one table of them.
std::vector<Command> all_commands();

}  // namespace retina::cli
