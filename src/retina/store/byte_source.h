#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace retina::store {

/// Bytes that can be read from any position. Safe for use from several threads.
class ByteSource {
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills `out` with what begins at byte `offset`; bad_data naming the file if it ends before.
  virtual void read(std::int64_t offset, std::span<std::byte> out) const = 0;

  /// False for a stream that is decoded from earlier bytes on, and so is best read forward.
  virtual bool is_random_access() const { return true; }
};

}  // namespace retina::store
