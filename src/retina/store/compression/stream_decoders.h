#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace retina::store {

/// What decompress() does for the stream formats; same contract.
std::vector<std::byte> inflate_bytes(std::span<const std::byte> bytes, std::size_t limit);
std::vector<std::byte> bz2_decode(std::span<const std::byte> bytes, std::size_t limit);
std::vector<std::byte> xz_decode(std::span<const std::byte> bytes, std::size_t limit);
std::vector<std::byte> lz4_decode(std::span<const std::byte> bytes, std::size_t limit);
std::vector<std::byte> lz4_blocks_decode(std::span<const std::byte> bytes, std::size_t limit);

}  // namespace retina::store
