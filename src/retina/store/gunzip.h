#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace retina::store {

/// What a gzip stream in memory holds, `limit` bytes at most; bad_data (without a file's name) if
/// it is damaged, cut short or holds more. Memory grows with what is decoded.
std::vector<std::byte> gunzip(std::span<const std::byte> packed, std::size_t limit);

}  // namespace retina::store
