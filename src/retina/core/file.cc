#include "retina/core/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/json_text.h"
#include "retina/core/lost_mapping.h"
#include "retina/core/replace_folder.h"

namespace retina::core {
namespace {

[[noreturn]] void fail_io(const fs::path& path, std::string_view what) {
  throw system_failure(path, what, errno);
}

/// A file descriptor that closes itself; opening a pipe does not wait for its other end. `named` is
/// the file that messages speak of.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : Descriptor(path, flags, path) {}
  Descriptor(const fs::path& path, int flags, const fs::path& named)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0644)) {
    if (fd_ < 0) {
      fail_io(named, (flags & O_CREAT) != 0 ? "cannot be written" : "cannot be opened");
    }
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::size_t regular_size(const Descriptor& file, const fs::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    fail_io(path, "cannot be examined");
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = path.string(),
                        .found = S_ISDIR(status.st_mode) ? "a folder" : "not a regular file",
                        .expected = "a file"});
  }
  return static_cast<std::size_t>(status.st_size);
}

void read_into(const fs::path& path, std::span<char> out, const Descriptor& file) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      fail_io(path, "cannot be read");
    }
    if (got == 0) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = path.string(), .found = "shrank while it was read"});
    }
    done += static_cast<std::size_t>(got);
  }
}

void sync_folder(const fs::path& folder) {
  const Descriptor handle(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
  ::fsync(
      handle.get());  // some file systems do not sync folders; the rename itself is still atomic
}

/// `path` names the file in messages.
void write_synced(const Descriptor& file, const fs::path& path, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno != EINTR) {
      fail_io(path, "cannot be written");
    }
    done += static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  }
  if (::fsync(file.get()) != 0) {
    fail_io(path, "cannot be written");
  }
}

/// Gives a finished, synced file or folder its final name.
void put_in_place(const fs::path& temporary, const fs::path& final_path) {
  // rename() does not replace a folder that holds something, and a file never replaces one
  if (fs::is_directory(final_path) && fs::is_directory(temporary)) {
    replace_folder(temporary, final_path);
  } else if (::rename(temporary.c_str(), final_path.c_str()) != 0) {
    fail_io(final_path, "cannot be put in place");
  }
  sync_folder(final_path.parent_path());
}

}  // namespace

std::string read_text(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  std::string text(regular_size(file, path), '\0');
  read_into(path, text, file);
  return text;
}

std::vector<std::byte> read_bytes(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  std::vector<std::byte> bytes(regular_size(file, path));
  read_into(path, {reinterpret_cast<char*>(bytes.data()), bytes.size()}, file);
  return bytes;
}

Json read_json(const fs::path& path) {
  return parse_json(read_text(path), path.string());
}

void write_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  const fs::path aside = partial_path(path);
  const Descriptor file(aside, O_WRONLY | O_CREAT | O_TRUNC, path);
  try {
    write_synced(file, path, bytes);
    put_in_place(aside, path);
  } catch (...) {
    ::unlink(aside.c_str());
    throw;
  }
}

void write_atomically(const fs::path& path, std::string_view text) {
  write_atomically(path, std::as_bytes(std::span(text)));
}

void rename_into_place(const fs::path& temporary, const fs::path& final_path) {
  if (fs::is_regular_file(temporary)) {
    sync_file(temporary);
  }
  put_in_place(temporary, final_path);
}

fs::path partial_path(const fs::path& path) {
  const fs::path named = path.has_filename() ? path : path.parent_path();  // "out/" is "out"
  return named.parent_path() / ("." + named.filename().string() + ".partial");
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto digits = [&](std::string_view s, std::size_t at) {
    std::size_t end = at;
    while (end < s.size() && is_digit(s[end])) {
      ++end;
    }
    while (at + 1 < end && s[at] == '0') {
      ++at;
    }
    return s.substr(at, end - at);
  };
  const auto skip = [&](std::string_view s, std::size_t at) {
    while (at < s.size() && is_digit(s[at])) {
      ++at;
    }
    return at;
  };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view left = digits(a, i);
      const std::string_view right = digits(b, j);
      if (left != right) {
        return left.size() != right.size() ? left.size() < right.size() : left < right;
      }
      i = skip(a, i);
      j = skip(b, j);
    } else if (a[i] != b[j]) {
      return a[i] < b[j];
    } else {
      ++i;
      ++j;
    }
  }
  if (i == a.size() && j == b.size()) {
    return a < b;  // equal up to leading zeros: any fixed order will do
  }
  return i == a.size();
}

std::vector<fs::path> list_files(const fs::path& folder) {
  std::error_code code;
  std::vector<fs::path> files;
  fs::directory_iterator it(folder, code);
  if (code) {
    throw Error(ErrorKind::bad_data, Problem{.subject = folder.string(),
                                             .found = code.message(),
                                             .expected = "a readable folder"});
  }
  for (const fs::directory_entry& entry : it) {
    if (!entry.path().filename().string().starts_with('.') && entry.is_regular_file(code)) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return files;
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor file(path, O_RDONLY);
  const std::size_t size = regular_size(file, path);
  if (size == 0) {
    return;
  }
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (start == MAP_FAILED) {
    fail_io(path, "cannot be mapped");
  }
  bytes_ = {static_cast<const std::byte*>(start), size};
  remember_mapping(bytes_, path);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) {
    forget_mapping(bytes_);
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
}

std::int64_t parse_size(std::string_view text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, double>, 14> kUnits{{{"", 1.0},
                                                                        {"B", 1.0},
                                                                        {"K", 0x1p10},
                                                                        {"KiB", 0x1p10},
                                                                        {"KB", 1e3},
                                                                        {"M", 0x1p20},
                                                                        {"MiB", 0x1p20},
                                                                        {"MB", 1e6},
                                                                        {"G", 0x1p30},
                                                                        {"GiB", 0x1p30},
                                                                        {"GB", 1e9},
                                                                        {"T", 0x1p40},
                                                                        {"TiB", 0x1p40},
                                                                        {"TB", 1e12}}};
  for (const auto& [name, factor] : kUnits) {
    if (code == std::errc() && unit == name && number >= 0 && number * factor < 0x1p62) {
      return static_cast<std::int64_t>(number * factor);
    }
  }
  throw Error(ErrorKind::usage,
              Problem{.subject = "size",
                      .found = fmt::format("'{}'", text),
                      .expected = "bytes, or a number with a unit such as 512M or 2GiB"});
}

std::string format_size(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string digest(std::span<const std::byte> bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const std::byte byte : bytes) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 1099511628211ULL;
  }
  return fmt::format("{:016x}", hash);
}

std::int64_t peak_rss_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;  // Linux reports KiB
}

}  // namespace retina::core
