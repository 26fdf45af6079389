#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace retina::e2e {

/// How a process ended: one of the two.
struct Ended {
  int exit_code = -1;
  int by_signal = 0;
};

/// A shell command in a folder, running beside the test; its messages go to err.txt there. Killed
/// if nobody waited for it.
class Process {
 public:
  Process(const std::filesystem::path& folder, const std::string& command) : id_(::fork()) {
    if (id_ == 0) {
      const std::string text =
          "cd " + folder.string() + " && exec " + command + " >/dev/null 2>err.txt";
      ::execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Process() {
    if (id_ > 0) {
      signal(SIGKILL);
      wait();
    }
  }
  Process(Process&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Process& operator=(Process&&) = delete;

  void signal(int number) const { ::kill(id_, number); }

  Ended wait() {
    int status = 0;
    ::waitpid(std::exchange(id_, -1), &status, 0);
    return WIFEXITED(status) ? Ended{.exit_code = WEXITSTATUS(status)}
                             : Ended{.by_signal = WTERMSIG(status)};
  }

 private:
  pid_t id_;
};

/// Waits for a path to appear; false if it did not within a minute.
inline bool appears(const std::filesystem::path& path) {
  for (int i = 0; i < 6000 && !std::filesystem::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return std::filesystem::exists(path);
}

}  // namespace retina::e2e
