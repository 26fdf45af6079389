#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace retina::tensor {

/// One file of a zip archive, as stored.
struct ZipMember {
  std::string name;
  std::span<const std::byte> bytes;  ///< part of the archive's bytes
};

/// The members of a zip archive in memory (zip64 included), without copying. bad_data naming `name`
/// for anything malformed, compressed or encrypted: weights are stored uncompressed.
std::vector<ZipMember> read_zip(std::span<const std::byte> archive, const std::string& name);

bool looks_like_zip(std::span<const std::byte> bytes);

/// Builds a zip archive of stored members, each starting at a multiple of 64 bytes as Python torch
/// writes them.
class ZipBuilder {
 public:
  void add(const std::string& name, std::span<const std::byte> bytes);
  void add(const std::string& name, std::string_view text);
  /// The whole archive; the builder is empty afterwards.
  std::vector<std::byte> finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };
  std::vector<std::byte> bytes_;
  std::vector<Entry> entries_;
};

}  // namespace retina::tensor
