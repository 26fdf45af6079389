#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retina/cli/command.h"

namespace retina::cli {

/// A command line, understood.
struct Invocation {
  const Command* command = nullptr;
  Json configuration = Json::object();  ///< config file, then --set, then flags
  std::string config;                   ///< the config file; "" without one
  bool json = false;
  bool quiet = false;
  bool no_progress = false;
};

/// Parses the arguments after the program's name. Prints help or the version and returns nothing
/// where these were asked for; usage error for anything that does not fit ("did you mean" for verbs
/// and flags).
std::optional<Invocation> parse(const std::vector<Command>& commands,
                                const std::vector<std::string>& arguments);

/// docs/cli.md: every verb with its flags, defaults and meanings.
std::string markdown_reference(const std::vector<Command>& commands);

}  // namespace retina::cli
