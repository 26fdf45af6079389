#include <algorithm>

#include "retina/report/deflate.h"

namespace retina::report {
namespace {

std::uint32_t adler32(std::span<const std::byte> bytes) {
  constexpr std::uint32_t kModulus = 65521;
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const std::byte byte : bytes) {
    a = (a + std::to_integer<std::uint32_t>(byte)) % kModulus;
    b = (b + a) % kModulus;
  }
  return b << 16 | a;
}

}  // namespace

std::vector<std::byte> zlib_stream(std::span<const std::byte> bytes) {
  constexpr std::size_t kLargestBlock = 65535;
  std::vector<std::byte> out{std::byte{0x78}, std::byte{0x01}};
  std::size_t done = 0;
  do {
    const std::size_t size = std::min(kLargestBlock, bytes.size() - done);
    const bool last = done + size == bytes.size();
    const auto low = static_cast<std::uint8_t>(size & 0xff);
    const auto high = static_cast<std::uint8_t>(size >> 8);
    out.push_back(std::byte{last});
    out.push_back(std::byte{low});
    out.push_back(std::byte{high});
    out.push_back(~std::byte{low});
    out.push_back(~std::byte{high});
    const auto block = bytes.subspan(done, size);
    out.insert(out.end(), block.begin(), block.end());
    done += size;
  } while (done < bytes.size());
  const std::uint32_t check = adler32(bytes);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(check >> shift & 0xff));
  }
  return out;
}

}  // namespace retina::report
