#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace retina::core {

/// The checksum of PNG, zip and gzip (polynomial 0xEDB88320).
std::uint32_t crc32(std::span<const std::byte> bytes);

/// The checksum of Zarr and TensorBoard, CRC-32C (polynomial 0x82F63B78).
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace retina::core
