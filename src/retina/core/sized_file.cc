#include "retina/core/sized_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "retina/core/error.h"

namespace retina::core {

namespace {

[[noreturn]] void fail_io(const std::filesystem::path& path, const char* action) {
  throw Error(ErrorKind::resource,
              Problem{.subject = fmt::format("'{}'", path.string()),
                      .found = fmt::format("cannot {}: {}", action, std::strerror(errno)),
                      .expected = "space on the disk, and permission to write",
                      .remedy = "free disk space, or write elsewhere"});
}

}  // namespace

SizedFile::SizedFile(std::filesystem::path path, std::int64_t bytes) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    fail_io(path_, "open");
  }
  if (::ftruncate(descriptor_, bytes) != 0) {
    ::close(descriptor_);
    fail_io(path_, "set its size");
  }
}

SizedFile::~SizedFile() {
  ::close(descriptor_);
}

void SizedFile::read(std::span<std::byte> bytes, std::int64_t position) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pread(descriptor_, bytes.data(), bytes.size(), position);
    if (done <= 0) {
      fail_io(path_, "read");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    position += done;
  }
}

void SizedFile::write(std::span<const std::byte> bytes, std::int64_t position) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), position);
    if (done <= 0) {
      fail_io(path_, "write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    position += done;
  }
}

void SizedFile::sync() const {
  if (::fsync(descriptor_) != 0) {
    fail_io(path_, "write");
  }
}

}  // namespace retina::core
