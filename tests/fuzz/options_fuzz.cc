#include <sstream>
#include <vector>

#include "configuration.h"
#include "fuzz.h"

#include "retina/cli/parse.h"

/// A command line, one argument a line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace retina;
  static const std::vector<cli::Command> kCommands{cli::make_command<fuzz::Configuration>(
      "predict", "a verb", {"input"},
      [](const fuzz::Configuration&, const core::Context&) { return cli::Rendered{}; })};
  std::istringstream lines{std::string(fuzz::text_of(data, size))};
  std::vector<std::string> arguments{"predict"};
  for (std::string line; std::getline(lines, line);) {
    const bool prints =
        line.starts_with("-h") || line.starts_with("--h") || line.starts_with("--v");
    if (!prints && line.find("config") == std::string::npos && !line.starts_with("-c")) {
      arguments.push_back(line);  // no files of the machine, no help on standard output
    }
  }
  return fuzz::refuses_or_works([&] {
    const auto invocation = cli::parse(kCommands, arguments);
    if (invocation) {
      invocation->command->run(invocation->configuration, "", core::silent_context());
    }
  });
}
