#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "retina/store/byte_source.h"
#include "retina/store/chunk_cache.h"

namespace retina::store {

/// What a gzip or zlib stream inside a file decodes to. Reading forward decodes each byte once; at
/// places passed, some of them are remembered (32 MiB of memory or less), from which reading
/// elsewhere starts. Decoded bytes go through the shared cache.
class InflatedBytes final : public ByteSource {
 public:
  /// The stream begins at `start` of the file and is to give `size` bytes. bad_data if no stream of
  /// that length can.
  InflatedBytes(const std::filesystem::path& path, std::int64_t start, std::int64_t size);
  ~InflatedBytes() override;
  void read(std::int64_t offset, std::span<std::byte> out) const override;
  bool is_random_access() const override { return false; }

 private:
  class Stream;

  std::unique_ptr<Stream> stream_;
  std::int64_t size_;
  CacheOwner cache_;
};

}  // namespace retina::store
