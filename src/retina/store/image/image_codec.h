#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "retina/core/array.h"

namespace retina::store {

/// What the header of a still image says. Alpha is not counted: no reader returns it.
struct ImageHeader {
  core::DType dtype = core::DType::u8;
  int channels = 1;  ///< 1 or 3
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool has_alpha = false;
  std::uint32_t orientation = 1;  ///< of TIFF and EXIF; 1 = as it is shown
};

/// What is told of an orientation, which no reader applies; empty for 1.
std::string orientation_note(std::uint32_t orientation);

/// One format of still images. Both functions throw bad_data naming the file.
struct ImageCodec {
  std::string_view name;   ///< "png"
  std::string_view magic;  ///< how its files begin
  ImageHeader (*read_header)(const std::filesystem::path& file);
  /// All pixels, axes c,z,y,x with z = 1.
  core::Array (*decode)(const std::filesystem::path& file);
};

/// The table of still image formats.
std::span<const ImageCodec> image_codecs();

/// The codec for a file by its first bytes; null if there is none.
const ImageCodec* image_codec_of(const std::filesystem::path& file);

/// How colour is read.
enum class ColourReading {
  grey,   ///< one channel; colour whose channels differ is an error
  as_is,  ///< all channels
};

/// decode() with its promise kept: bad_data if the pixels do not match what `expected` (the header)
/// said.
core::Array decode_image(const ImageCodec& codec, const std::filesystem::path& file,
                         const ImageHeader& expected, ColourReading reading);

/// True if all channels hold the same values.
bool channels_are_equal(const core::Array& image);

/// Throws bad_data if a file of `file_bytes` cannot hold `pixel_bytes`, `max_ratio` being the most
/// its compression can reach: called before memory is allocated for what a header claims.
void require_plausible_size(const std::filesystem::path& file, const ImageHeader& header,
                            std::int64_t max_ratio);

/// The same for pixels in memory, of which at most `max_pixels` are wanted.
void require_pixels(const std::filesystem::path& name, const ImageHeader& header,
                    std::int64_t max_pixels);

}  // namespace retina::store
