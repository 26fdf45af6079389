#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace retina::store {

/// The tag Orientation in the data of an APP1 marker of a JPEG file (EXIF 2.3, section 4.5: "Exif",
/// two zeros and the directories of a TIFF file); 1 where there is none or the data is damaged.
std::uint32_t exif_orientation(std::span<const std::byte> app1);

}  // namespace retina::store
