#include "retina/store/positioned_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retina/store/problem.h"

namespace retina::store {

// without blocking: to open a pipe would wait for somebody who writes
PositionedFile::PositionedFile(std::filesystem::path path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
    const std::string found = fd_ < 0 ? std::strerror(errno) : "not a regular file";
    if (fd_ >= 0) {
      ::close(fd_);
    }
    throw bad_file(path_, found, "a readable file", "check the path and its permissions");
  }
  size_ = status.st_size;
}

PositionedFile::~PositionedFile() {
  ::close(fd_);
}

void PositionedFile::read(std::int64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, out.size() - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      throw bad_file(path_, got < 0 ? std::strerror(errno) : "the file ends too early",
                     fmt::format("{} bytes from byte {} on", out.size(), offset),
                     "the file is damaged or cut short: get a fresh copy");
    }
    done += static_cast<std::size_t>(got);
  }
}

}  // namespace retina::store
