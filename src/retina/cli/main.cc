#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include "retina/cli/command.h"
#include "retina/cli/parse.h"
#include "retina/cli/progress_bar.h"
#include "retina/core/error.h"
#include "retina/core/file_error.h"
#include "retina/core/json_text.h"
#include "retina/core/lost_mapping.h"

namespace {

using retina::cli::Invocation;

/// Turns the first Ctrl-C or SIGTERM into a stop request (a second one ends the process at once).
/// Must exist before any other thread, so that all of them inherit the blocked signals.
class StopOnSignal {
 public:
  StopOnSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    std::thread([this] {
      int signal = 0;
      sigwait(&signals_, &signal);
      std::fputs("\nstopping at the next safe point; once more to stop at once\n", stderr);
      source_.request_stop();
      sigwait(&signals_, &signal);
      _exit(128 + signal);
    }).detach();
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_{};
  std::stop_source source_;
};

retina::core::Context make_context(const Invocation& invocation, std::stop_token stop) {
  auto log = std::make_shared<spdlog::logger>(
      "retina", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  const bool is_terminal = isatty(STDERR_FILENO) != 0;
  // a terminal may have a line of progress at the cursor, which goes first
  log->set_pattern(std::string(is_terminal ? "\r\x1b[K" : "") + "%H:%M:%S %^%l%$ %v");
  log->set_level(invocation.quiet ? spdlog::level::warn : spdlog::level::info);
  retina::core::Context context = retina::core::silent_context();
  context.log = std::move(log);
  context.stop = std::move(stop);
  if (!invocation.quiet && !invocation.no_progress) {
    context.progress = std::make_shared<retina::cli::ProgressBar>(stderr, is_terminal);
  }
  return context;
}

int run(const std::vector<std::string>& arguments, std::stop_token stop) {
  const std::vector<retina::cli::Command> commands = retina::cli::all_commands();
  if (arguments == std::vector<std::string>{"reference"}) {
    std::fputs(retina::cli::markdown_reference(commands).c_str(), stdout);
    return 0;
  }
  const auto invocation = retina::cli::parse(commands, arguments);
  if (!invocation) {
    return 0;
  }
  const retina::core::Context context = make_context(*invocation, std::move(stop));
  const retina::cli::Rendered result =
      invocation->command->run(invocation->configuration, invocation->config, context);
  context.progress->end();
  if (invocation->json && !result.json.is_null()) {
    std::printf("%s\n", retina::core::dump_json(result.json).c_str());
  } else if (!invocation->json) {
    std::fputs(result.text.c_str(), stdout);
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw retina::Error(retina::ErrorKind::resource,
                        retina::Problem{.subject = "standard output",
                                        .found = "it takes no more, so that the result is lost",
                                        .expected = "room for it",
                                        .remedy = "make room, or send it elsewhere"});
  }
  return result.exit_code;
}

int report(const retina::Error& error) {
  std::fprintf(stderr, "retina: %s\n", error.what());
  return retina::exit_code(error.kind());
}

}  // namespace

int main(int count, char** values) {
  // never destroyed: its thread lives on, and a signal may come while the process ends
  static const StopOnSignal& signals = *new StopOnSignal;
  retina::core::explain_lost_mappings();
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error of the write then, not a crash
  try {
    return run(std::vector<std::string>(values + 1, values + count), signals.token());
  } catch (const std::exception& error) {
    return report(retina::core::error_of(error));
  }
}
