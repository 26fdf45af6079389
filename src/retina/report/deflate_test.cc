#include "retina/report/deflate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::report {
namespace {

TEST(Deflate, StreamStartsWithAZlibHeaderAndEndsWithTheChecksum) {
  const std::vector<std::byte> bytes(70000, std::byte{1});

  const std::vector<std::byte> stream = zlib_stream(bytes);

  EXPECT_EQ((std::to_integer<int>(stream[0]) * 256 + std::to_integer<int>(stream[1])) % 31, 0);
  // Adler-32 of n ones: a = 1 + n, b = n + n (n + 1) / 2, both modulo 65521.
  const std::uint64_t n = bytes.size();
  const std::uint64_t a = (1 + n) % 65521;
  const std::uint64_t b = (n + n * (n + 1) / 2) % 65521;
  std::uint64_t found = 0;
  for (const std::byte byte : std::span(stream).last(4)) {
    found = found << 8 | std::to_integer<std::uint64_t>(byte);
  }
  EXPECT_EQ(found, b << 16 | a);
}

}  // namespace
}  // namespace retina::report
