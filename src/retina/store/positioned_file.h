#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace retina::store {

/// A regular file that is read at chosen places. Safe for use from several threads.
class PositionedFile {
 public:
  /// bad_data naming the file if it cannot be opened or is not a regular file.
  explicit PositionedFile(std::filesystem::path path);
  ~PositionedFile();
  PositionedFile(const PositionedFile&) = delete;
  PositionedFile& operator=(const PositionedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }  ///< bytes, when it was opened

  /// Fills `out` with what begins at byte `offset`; bad_data naming the file if it ends before.
  void read(std::int64_t offset, std::span<std::byte> out) const;

 private:
  std::filesystem::path path_;
  int fd_;
  std::int64_t size_ = 0;
};

}  // namespace retina::store
