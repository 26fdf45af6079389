#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace retina::core {

/// A file that is read and written in place, from any thread. What was never written is 0; an
/// existing file is continued. Failures are the errors of system_failure().
class SizedFile {
 public:
  /// Of the size that it has; a new one is empty. It grows where it is written beyond its end.
  explicit SizedFile(std::filesystem::path path);
  /// Of `bytes` bytes.
  SizedFile(std::filesystem::path path, std::int64_t bytes);
  ~SizedFile();
  SizedFile(const SizedFile&) = delete;
  SizedFile& operator=(const SizedFile&) = delete;

  std::int64_t size() const;
  void resize(std::int64_t bytes) const;
  /// Takes `bytes` bytes of the disk for a moment: throws where the disk, a quota or a limit on the
  /// size of files does not allow them. False where the file system cannot tell.
  bool has_room_for(std::int64_t bytes) const;
  /// bad_data if the file ends before.
  void read(std::span<std::byte> bytes, std::int64_t position) const;
  void write(std::span<const std::byte> bytes, std::int64_t position) const;
  /// Waits until the disk has what was written.
  void sync() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace retina::core
