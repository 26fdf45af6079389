#include "retina/core/sized_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"

namespace retina::core {

SizedFile::SizedFile(std::filesystem::path path)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) {
    throw system_failure(path_, "cannot be written", errno);
  }
}

SizedFile::SizedFile(std::filesystem::path path, std::int64_t bytes) : SizedFile(std::move(path)) {
  resize(bytes);
}

SizedFile::~SizedFile() {
  ::close(descriptor_);
}

std::int64_t SizedFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    throw system_failure(path_, "cannot be examined", errno);
  }
  return status.st_size;
}

void SizedFile::resize(std::int64_t bytes) const {
  if (::ftruncate(descriptor_, bytes) != 0) {
    throw system_failure(path_, "cannot be written", errno);
  }
}

bool SizedFile::has_room_for(std::int64_t bytes) const {
  const std::int64_t before = size();
  int code = 0;
  do {
    code = ::fallocate(descriptor_, 0, 0, bytes) == 0 ? 0 : errno;
  } while (code == EINTR);
  resize(before);  // what a failure has taken as well
  if (code == EOPNOTSUPP || code == ENOSYS) {
    return false;
  }
  if (code != 0) {
    throw system_failure(path_, fmt::format("{} cannot be reserved", format_size(bytes)), code);
  }
  return true;
}

void SizedFile::read(std::span<std::byte> bytes, std::int64_t position) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pread(descriptor_, bytes.data(), bytes.size(), position);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done < 0) {
      throw system_failure(path_, "cannot be read", errno);
    }
    if (done == 0) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = fmt::format("'{}'", path_.string()),
                          .found = fmt::format("it ends at byte {}", position),
                          .expected = fmt::format("{} bytes more", bytes.size())});
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    position += done;
  }
}

void SizedFile::write(std::span<const std::byte> bytes, std::int64_t position) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(descriptor_, bytes.data(), bytes.size(), position);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      throw system_failure(path_, "cannot be written", done < 0 ? errno : ENOSPC);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    position += done;
  }
}

void SizedFile::sync() const {
  if (::fdatasync(descriptor_) != 0) {
    throw system_failure(path_, "cannot be written", errno);
  }
}

}  // namespace retina::core
