#include "retina/report/png.h"

#include <cstdint>
#include <string_view>

#include "retina/core/crc32.h"
#include "retina/core/error.h"
#include "retina/report/deflate.h"

namespace retina::report {
namespace {

void append_u32(std::vector<std::byte>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::byte>(value >> shift & 0xff));
  }
}

void append_chunk(std::vector<std::byte>& out, std::string_view type,
                  const std::vector<std::byte>& data) {
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t start = out.size();
  for (const char c : type) {
    out.push_back(static_cast<std::byte>(c));
  }
  out.insert(out.end(), data.begin(), data.end());
  append_u32(out, core::crc32(std::span(out).subspan(start)));
}

/// Rows in PNG order (channels interleaved), each preceded by its filter: 1 = difference to the
/// pixel at the left.
std::vector<std::byte> filtered_rows(const core::Array& pixels) {
  const auto [depth, height, width] = pixels.shape();
  const int channels = pixels.channels();
  std::vector<std::byte> rows;
  rows.reserve(static_cast<std::size_t>(height * (width * channels + 1)));
  for (std::int64_t y = 0; y < height; ++y) {
    rows.push_back(std::byte{1});
    for (std::int64_t x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int left = x == 0 ? 0 : pixels.at<std::uint8_t>(c, 0, y, x - 1);
        rows.push_back(static_cast<std::byte>((pixels.at<std::uint8_t>(c, 0, y, x) - left) & 0xff));
      }
    }
  }
  return rows;
}

}  // namespace

std::vector<std::byte> encode_png(const core::Array& pixels) {
  const bool drawable = pixels.dtype() == core::DType::u8 && pixels.shape()[0] == 1 &&
                        (pixels.channels() == 1 || pixels.channels() == 3);
  if (!drawable) {
    throw Error(ErrorKind::internal, "a picture must be uint8 with 1 or 3 channels and one plane");
  }
  std::vector<std::byte> header;
  append_u32(header, static_cast<std::uint32_t>(pixels.shape()[2]));
  append_u32(header, static_cast<std::uint32_t>(pixels.shape()[1]));
  const int colour_type = pixels.channels() == 3 ? 2 : 0;
  for (const int value :
       {8, colour_type, 0, 0, 0}) {  // bits, colour, deflate, filters, no interlace
    header.push_back(static_cast<std::byte>(value));
  }
  std::vector<std::byte> out;
  for (const int value : {0x89, 'P' + 0, 'N' + 0, 'G' + 0, 0x0d, 0x0a, 0x1a, 0x0a}) {
    out.push_back(static_cast<std::byte>(value));
  }
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", zlib_stream(filtered_rows(pixels)));
  append_chunk(out, "IEND", {});
  return out;
}

}  // namespace retina::report
