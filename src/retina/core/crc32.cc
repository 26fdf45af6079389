#include "retina/core/crc32.h"

#include <array>

namespace retina::core {
namespace {

using Table = std::array<std::uint32_t, 256>;

constexpr Table make_table(std::uint32_t polynomial) {
  Table table{};
  for (std::uint32_t n = 0; n < table.size(); ++n) {
    std::uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) {
      c = (c & 1) != 0 ? polynomial ^ (c >> 1) : c >> 1;
    }
    table[n] = c;
  }
  return table;
}

constexpr Table kCrc32 = make_table(0xedb88320U);
constexpr Table kCrc32c = make_table(0x82f63b78U);

std::uint32_t checksum(std::span<const std::byte> bytes, const Table& table) {
  std::uint32_t crc = 0xffffffffU;
  for (const std::byte byte : bytes) {
    crc = table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) {
  return checksum(bytes, kCrc32);
}

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  return checksum(bytes, kCrc32c);
}

}  // namespace retina::core
