#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "retina/store/byte_source.h"

namespace retina::store {

/// A regular file that is read at chosen places. Safe for use from several threads.
class PositionedFile final : public ByteSource {
 public:
  /// bad_data naming the file if it cannot be opened or is not a regular file.
  explicit PositionedFile(std::filesystem::path path);
  ~PositionedFile() override;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }  ///< bytes, when it was opened

  void read(std::int64_t offset, std::span<std::byte> out) const override;

 private:
  std::filesystem::path path_;
  int fd_;
  std::int64_t size_ = 0;
};

}  // namespace retina::store
