#include "retina/pipeline/own_copies.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "retina/core/durable.h"

namespace retina::pipeline {
namespace {

constexpr const char* kSelf = "/proc/self/exe";

std::vector<std::string> own_command_line() {
  std::ifstream file("/proc/self/cmdline");
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) {
    arguments.push_back(argument);
  }
  return arguments;
}

/// In the new process. Nothing but system calls: another thread of the old one may have held any
/// lock. A group of its own: Ctrl-C reaches it through the parent alone.
[[noreturn]] void become_copy(char* const* arguments, const char* log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  const int results = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int said = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool is_orphan = ::getppid() != parent;  // it died before it could be watched
  if (!is_orphan && ::dup2(results, STDOUT_FILENO) >= 0 && ::dup2(said, STDERR_FILENO) >= 0) {
    ::execv(kSelf, arguments);
  }
  ::_exit(127);
}

pid_t start_copy(std::vector<std::string> arguments, const std::filesystem::path& log) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t id = ::fork();
  if (id == 0) {
    become_copy(pointers.data(), log.c_str(), parent);
  }
  if (id < 0) {
    throw core::system_failure(kSelf, "cannot be started again", errno);
  }
  return id;
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status));
  }
  const int code = WEXITSTATUS(status);
  return code == 0 ? "" : "exit code " + std::to_string(code);
}

}  // namespace

std::vector<std::string> run_own_copies(const std::vector<OwnCopy>& copies,
                                        const core::Context& context,
                                        const std::function<void()>& meanwhile) {
  std::map<pid_t, std::size_t> running;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    std::vector<std::string> all = own_command_line();
    all.insert(all.end(), copies[i].arguments.begin(), copies[i].arguments.end());
    running[start_copy(std::move(all), copies[i].log)] = i;
  }
  std::vector<std::string> ends(copies.size());
  bool told = false;
  while (!running.empty()) {
    if (context.stop.stop_requested() && !told) {
      told = true;
      for (const auto& [id, copy] : running) {
        ::kill(id, SIGTERM);
      }
    }
    std::erase_if(running, [&](const auto& one) {
      int status = 0;
      const pid_t ended = ::waitpid(one.first, &status, WNOHANG);
      ends[one.second] = ended > 0 ? end_of(status) : "";
      return ended != 0;
    });
    meanwhile();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return ends;
}

}  // namespace retina::pipeline
