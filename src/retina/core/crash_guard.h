#pragma once

#include <array>
#include <string_view>

namespace retina::core {

/// While one lives, a crash of its thread (SIGSEGV, SIGBUS, SIGFPE, SIGABRT) ends the process with
/// exit code 3 and `message`, of up to 1000 characters: for libraries of others that do not survive
/// every damaged file. Crashes elsewhere take their usual way. The innermost of several counts.
class CrashGuard {
 public:
  explicit CrashGuard(std::string_view message);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

 private:
  std::array<char, 1024> text_{};  ///< not on the heap, which may be what is damaged
  const char* outer_;
};

/// For handlers of signals: neither locks nor allocates.
void write_to_stderr(const char* text);

}  // namespace retina::core
