#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "retina/core/sized_file.h"

namespace retina::store {

/// Encoded chunks in a file to which they are appended as they come; the last of an index counts. A
/// later process finds all that were appended, also after a kill. Safe for several threads.
class ChunkLog {
 public:
  /// Opens or makes the log of `chunks` chunks. What follows the last whole record is cut off.
  ChunkLog(const std::filesystem::path& path, std::int64_t chunks);

  /// Appends nothing if these bytes are what the chunk has: work that is done again must not make
  /// the log grow.
  void put(std::int64_t index, std::span<const std::byte> bytes);
  /// Empty if the chunk was never put.
  std::optional<std::vector<std::byte>> get(std::int64_t index) const;
  bool has(std::int64_t index) const;

  /// Bytes that all chunks take.
  std::int64_t bytes() const;
  /// Chunks that take any.
  std::int64_t filled() const;

 private:
  struct Entry {
    std::int64_t offset = -1;  ///< of the bytes in the file; -1 = never put
    std::int64_t size = 0;
  };

  void recall();
  bool holds(const Entry& entry, std::span<const std::byte> bytes) const;

  core::SizedFile file_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::int64_t end_ = 0;
};

}  // namespace retina::store
