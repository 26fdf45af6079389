#include "retina/core/crash_guard.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <unistd.h>

#include "retina/core/error.h"

namespace retina::core {

namespace {

constexpr std::array<int, 4> kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGABRT};

std::array<struct sigaction, kCrashes.size()> earlier_actions;
thread_local constinit const char* last_words = nullptr;  ///< null outside of all guards

/// Lets whoever was there before us decide.
void pass_on(int signal, siginfo_t* info, void* context) {
  const auto* place = std::find(kCrashes.begin(), kCrashes.end(), signal);
  const auto& earlier = earlier_actions[static_cast<std::size_t>(place - kCrashes.begin())];
  if ((earlier.sa_flags & SA_SIGINFO) != 0) {
    earlier.sa_sigaction(signal, info, context);
  } else if (earlier.sa_handler != SIG_DFL && earlier.sa_handler != SIG_IGN) {
    earlier.sa_handler(signal);
  } else {
    ::sigaction(signal, &earlier, nullptr);
    ::raise(signal);  // arrives when this handler is over
  }
}

void on_crash(int signal, siginfo_t* info, void* context) {
  if (last_words == nullptr) {
    pass_on(signal, info, context);
    return;
  }
  write_to_stderr("\nretina: ");
  write_to_stderr(last_words);
  write_to_stderr("\n");
  ::_exit(exit_code(ErrorKind::bad_data));
}

void install_handlers() {
  static const bool once = [] {
    for (std::size_t i = 0; i < kCrashes.size(); ++i) {
      struct sigaction action {};
      action.sa_sigaction = on_crash;
      action.sa_flags = SA_SIGINFO;
      ::sigaction(kCrashes[i], &action, &earlier_actions[i]);
    }
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

CrashGuard::CrashGuard(std::string_view message) : outer_(last_words) {
  install_handlers();
  std::copy_n(message.begin(), std::min(message.size(), text_.size() - 1), text_.begin());
  last_words = text_.data();
}

CrashGuard::~CrashGuard() {
  last_words = outer_;
}

void write_to_stderr(const char* text) {
  const ssize_t ignored = ::write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);  // nobody is left to tell
}

}  // namespace retina::core
