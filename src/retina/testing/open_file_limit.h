#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace retina::testing {

/// This process opens no more than `more` further files at once while one lives.
class OpenFileLimit {
 public:
  explicit OpenFileLimit(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(STDERR_FILENO);  // the lowest number that is free
    ::close(next);
    const rlimit lower{.rlim_cur = static_cast<rlim_t>(next) + more, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &lower);
  }
  ~OpenFileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  OpenFileLimit(const OpenFileLimit&) = delete;
  OpenFileLimit& operator=(const OpenFileLimit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace retina::testing
