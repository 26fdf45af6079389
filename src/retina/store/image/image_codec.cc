#include "retina/store/image/image_codec.h"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "retina/store/jpeg/jpeg.h"
#include "retina/store/location.h"
#include "retina/store/png/png.h"
#include "retina/store/problem.h"
#include "retina/store/tiff/tiff.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::string describe(core::DType dtype, int channels, std::int64_t height, std::int64_t width) {
  return fmt::format("{} x {} {} with {} channel(s)", height, width, core::name_of(dtype),
                     channels);
}

core::Array first_channel(const core::Array& image) {
  core::Array grey(image.dtype(), 1, image.shape());
  std::copy_n(image.bytes().begin(), grey.bytes().size(), grey.bytes().begin());
  return grey;
}

}  // namespace

std::string orientation_note(std::uint32_t orientation) {
  // where the first row and the first column of the stored pixels belong
  constexpr std::array<std::string_view, 8> kNames{"top-left",     "top-right",  "bottom-right",
                                                   "bottom-left",  "left-top",   "right-top",
                                                   "right-bottom", "left-bottom"};
  if (orientation == 1) {
    return {};
  }
  return fmt::format(
      "the tag Orientation is {} ({}): pixels are read as stored, neither turned nor mirrored",
      orientation,
      orientation >= 1 && orientation <= kNames.size() ? kNames[orientation - 1] : "unknown");
}

std::span<const ImageCodec> image_codecs() {
  static const std::array<ImageCodec, 6> codecs{{
      {"png", "\x89PNG\r\n\x1a\n", read_png_header, read_png},
      {"jpeg", "\xff\xd8\xff", read_jpeg_header, read_jpeg},
      {"tiff", {"II*\0", 4}, read_tiff_header, read_tiff_page},
      {"tiff", {"MM\0*", 4}, read_tiff_header, read_tiff_page},
      {"tiff", {"II+\0", 4}, read_tiff_header, read_tiff_page},
      {"tiff", {"MM\0+", 4}, read_tiff_header, read_tiff_page},
  }};
  return codecs;
}

const ImageCodec* image_codec_of(const fs::path& file) {
  for (const ImageCodec& codec : image_codecs()) {
    if (begins_with(file, codec.magic)) {
      return &codec;
    }
  }
  return nullptr;
}

core::Array decode_image(const ImageCodec& codec, const fs::path& file, const ImageHeader& expected,
                         ColourReading reading) {
  core::Array image = codec.decode(file);
  if (image.dtype() != expected.dtype || image.channels() != expected.channels ||
      image.shape() != core::Vec3{1, expected.height, expected.width}) {
    throw bad_file(file,
                   describe(image.dtype(), image.channels(), image.shape()[1], image.shape()[2]),
                   describe(expected.dtype, expected.channels, expected.height, expected.width),
                   "the file changed after it was opened, or is damaged: write it again");
  }
  if (reading == ColourReading::as_is || image.channels() == 1) {
    return image;
  }
  if (!channels_are_equal(image)) {
    throw bad_file(file, "colour", "grey values, as in the first slice",
                   "convert all slices to grey, or none");
  }
  return first_channel(image);
}

bool channels_are_equal(const core::Array& image) {
  const std::size_t size = image.bytes().size() / static_cast<std::size_t>(image.channels());
  const std::span<const std::byte> first = image.bytes().first(size);
  for (int c = 1; c < image.channels(); ++c) {
    const auto other = image.bytes().subspan(static_cast<std::size_t>(c) * size, size);
    if (!std::equal(first.begin(), first.end(), other.begin())) {
      return false;
    }
  }
  return true;
}

void require_plausible_size(const fs::path& file, const ImageHeader& header,
                            std::int64_t max_ratio) {
  const double claimed = static_cast<double>(header.height) * static_cast<double>(header.width) *
                         header.channels * static_cast<double>(core::size_of(header.dtype));
  constexpr double kSlack = 65536;  // headers and rounding of tiny images
  const double most = static_cast<double>(size_of_file(file)) * static_cast<double>(max_ratio);
  if (header.height < 1 || header.width < 1 || claimed > most + kSlack) {
    throw bad_file(file,
                   fmt::format("a header that claims {} in a file of {} bytes",
                               describe(header.dtype, header.channels, header.height, header.width),
                               size_of_file(file)),
                   "pixels that can fit into the file",
                   "the file is damaged or cut short: get a fresh copy");
  }
}

void require_pixels(const fs::path& name, const ImageHeader& header, std::int64_t max_pixels) {
  if (header.height < 1 || header.width < 1 || header.height > max_pixels / header.width) {
    throw bad_file(name, fmt::format("a picture of {} x {}", header.height, header.width),
                   fmt::format("up to {} pixels", max_pixels),
                   "the file is damaged: get a fresh copy");
  }
}

}  // namespace retina::store
