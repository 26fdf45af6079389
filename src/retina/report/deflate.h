#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace retina::report {

/// A zlib stream (RFC 1950) of `bytes`: compressed where the build has zlib, else in stored blocks.
std::vector<std::byte> zlib_stream(std::span<const std::byte> bytes);

}  // namespace retina::report
