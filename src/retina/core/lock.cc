#include "retina/core/lock.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"

namespace retina::core {

namespace {

fs::path lock_path(const fs::path& output) {
  return partial_path(output).replace_extension(".lock");
}

/// False if the file was removed, by the holder before, between opening and locking it.
bool is_still_named(int descriptor, const fs::path& file) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(file.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

OutputLock::OutputLock(const fs::path& output) {
  if (!acquire(output, IfTaken::give_up)) {
    throw Error(ErrorKind::resource,
                Problem{.subject = fmt::format("output '{}'", output.string()),
                        .found = "another process is writing it",
                        .expected = "one writer",
                        .remedy = "wait for the other one, or choose another output"});
  }
}

std::optional<OutputLock> OutputLock::attempt(const fs::path& output) {
  OutputLock lock;
  return lock.acquire(output, IfTaken::give_up) ? std::optional(std::move(lock)) : std::nullopt;
}

OutputLock OutputLock::wait(const fs::path& output) {
  OutputLock lock;
  lock.acquire(output, IfTaken::wait);
  return lock;
}

bool OutputLock::acquire(const fs::path& output, IfTaken if_taken) {
  const int operation = if_taken == IfTaken::wait ? LOCK_EX : LOCK_EX | LOCK_NB;
  file_ = lock_path(output);
  if (file_.has_parent_path()) {
    fs::create_directories(file_.parent_path());
  }
  while (true) {
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
      throw system_failure(output, "cannot be written", errno);
    }
    int failed = 0;
    do {
      failed = ::flock(descriptor_, operation);
    } while (failed != 0 && errno == EINTR);
    if (failed != 0) {  // what is not taken cannot be locked here: ENOLCK, ENOSYS, EOPNOTSUPP
      const bool is_taken = errno == EWOULDBLOCK;
      ::close(std::exchange(descriptor_, -1));
      return !is_taken;
    }
    if (is_still_named(descriptor_, file_)) {
      return true;
    }
    ::close(std::exchange(descriptor_, -1));
  }
}

OutputLock::~OutputLock() {
  release();
}

OutputLock::OutputLock(OutputLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

OutputLock& OutputLock::operator=(OutputLock&& other) noexcept {
  release();
  file_ = std::move(other.file_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  return *this;
}

void OutputLock::release() {
  if (descriptor_ >= 0) {
    ::unlink(file_.c_str());  // before the lock goes, so that no other holder loses its file
    ::close(std::exchange(descriptor_, -1));
  }
}

}  // namespace retina::core
