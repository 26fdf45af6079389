#include "retina/store/jpeg/exif.h"

#include <optional>
#include <string_view>

namespace retina::store {
namespace {

constexpr std::string_view kExifMagic{"Exif\0\0", 6};
constexpr std::uint32_t kExifOrientation = 0x0112;
constexpr std::uint32_t kExifShort = 3;
constexpr std::size_t kExifEntryBytes = 12;

class ExifTags {
 public:
  ExifTags(std::span<const std::byte> bytes, bool is_big_endian)
      : bytes_(bytes), is_big_endian_(is_big_endian) {}

  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) {
      return std::nullopt;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8U |
              static_cast<std::uint32_t>(bytes_[at + (is_big_endian_ ? i : size - 1 - i)]);
    }
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool is_big_endian_;
};

bool begins_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), text.size()) == text;
}

}  // namespace

std::uint32_t exif_orientation(std::span<const std::byte> app1) {
  if (!begins_with(app1, kExifMagic)) {
    return 1;
  }
  const auto tiff = app1.subspan(kExifMagic.size());
  if (!begins_with(tiff, "II") && !begins_with(tiff, "MM")) {
    return 1;
  }
  const ExifTags tags(tiff, begins_with(tiff, "MM"));
  const std::size_t directory = tags.number(4, 4).value_or(0);
  const std::uint32_t entries = tags.number(directory, 2).value_or(0);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kExifEntryBytes;
    if (tags.number(entry, 2) == kExifOrientation && tags.number(entry + 2, 2) == kExifShort) {
      return tags.number(entry + 8, 2).value_or(1);
    }
  }
  return 1;
}

}  // namespace retina::store
