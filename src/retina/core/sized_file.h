#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace retina::core {

/// A file of a fixed size that is read and written in place, from any thread. What was never
/// written is 0; an existing file is continued. Failures are resource errors that name the file.
class SizedFile {
 public:
  SizedFile(std::filesystem::path path, std::int64_t bytes);
  ~SizedFile();
  SizedFile(const SizedFile&) = delete;
  SizedFile& operator=(const SizedFile&) = delete;

  void read(std::span<std::byte> bytes, std::int64_t position) const;
  void write(std::span<const std::byte> bytes, std::int64_t position) const;
  /// Waits until the disk has what was written.
  void sync() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace retina::core
