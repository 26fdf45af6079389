#include "retina/store/tiff/tiff_support.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <tiffio.h>

#include "retina/store/image/image_codec.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::string compression_name(std::uint32_t compression) {
  switch (compression) {
    case 6:
      return "old-style JPEG";
    case 33003:
    case 33004:
    case 33005:
    case 34712:
      return "JPEG 2000";
    case 22610:
    case 34934:
      return "JPEG XR";
    case 34887:
      return "LERC";
    case 50002:
    case 52546:
      return "JPEG XL";
    default:
      return fmt::format("compression {}", compression);
  }
}

bool is_bilevel(std::uint32_t compression) {
  return compression == COMPRESSION_CCITTRLE || compression == COMPRESSION_CCITTFAX3 ||
         compression == COMPRESSION_CCITTFAX4;
}

bool is_known_compression(const TiffDirectory& page) {
  switch (page.compression) {
    case COMPRESSION_NONE:
    case COMPRESSION_LZW:
    case COMPRESSION_PACKBITS:
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE:
    case COMPRESSION_LZMA:
    case COMPRESSION_ZSTD:
    case COMPRESSION_WEBP:
      return true;
    case COMPRESSION_JPEG:
      return page.bits == 8;
    default:
      return is_bilevel(page.compression) && page.bits == 1;
  }
}

void require_known_values(const fs::path& path, const TiffDirectory& page) {
  if (!page.dtype()) {
    throw bad_file(path,
                   fmt::format("{} bits a value, sample format {}", page.bits, page.sample_format),
                   "8, 16, 32 or 64 bit integers, 32 or 64 bit floats, or 1, 2 or 4 bits",
                   "convert the file to 8 or 16 bits");
  }
  const bool is_jpeg_colour =
      page.photometric == PHOTOMETRIC_YCBCR && page.compression == COMPRESSION_JPEG;
  const bool is_known_colour = page.photometric <= PHOTOMETRIC_PALETTE ||
                               page.photometric == PHOTOMETRIC_MASK || is_jpeg_colour;
  if (!is_known_colour || page.samples < 1 || page.samples > 65535 || page.depth != 1) {
    throw bad_file(
        path,
        fmt::format("{} values a pixel in colour space {}{}", page.samples, page.photometric,
                    page.depth != 1 ? fmt::format(", {} slices a page", page.depth) : ""),
        "grey or RGB, one slice a page", "convert the file to grey or RGB");
  }
}

void require_known_compression(const fs::path& path, const TiffDirectory& page) {
  if (is_known_compression(page) &&
      TIFFIsCODECConfigured(static_cast<std::uint16_t>(page.compression)) != 0) {
    return;
  }
  throw bad_file(path, fmt::format("pixels stored as {}", compression_name(page.compression)),
                 "no compression, LZW, deflate, zstd, LZMA, PackBits or 8-bit JPEG",
                 "save the file with one of these, or uncompressed");
}

}  // namespace

std::int64_t tiff_max_ratio(std::uint32_t compression) {
  switch (compression) {
    case COMPRESSION_NONE:
      return 1;
    case COMPRESSION_PACKBITS:
      return 128;
    case COMPRESSION_LZW:
      return 8192;
    case COMPRESSION_DEFLATE:
    case COMPRESSION_ADOBE_DEFLATE:
      return 1100;
    case COMPRESSION_JPEG:
      return 2048;
    default:
      return 1 << 18;
  }
}

void require_readable_page(const fs::path& path, const TiffDirectory& page,
                           std::uint64_t file_bytes) {
  require_known_values(path, page);
  require_known_compression(path, page);
  const double claimed = static_cast<double>(page.width) * static_cast<double>(page.height) *
                         page.samples * page.bits / 8;
  const double tile = static_cast<double>(page.tile_width) * static_cast<double>(page.tile_height) *
                      page.samples * page.bits / 8;
  const double most =
      static_cast<double>(file_bytes) * static_cast<double>(tiff_max_ratio(page.compression));
  const bool is_tile_missing = page.is_tiled() && page.tile_height < 1;
  if (page.width < 1 || page.height < 1 || page.blocks < 1 || is_tile_missing ||
      std::max(claimed, tile) > most) {
    throw bad_file(
        path, fmt::format("a page that claims {} in a file of {} bytes", page.text(), file_bytes),
        "pixels that can fit into the file", "the file is damaged or cut short: get a fresh copy");
  }
  const auto bytes = static_cast<std::uint64_t>(claimed);  // exact: it fits into the file
  if (page.is_raw() && (page.first_block > file_bytes || bytes > file_bytes - page.first_block)) {
    throw bad_file(path,
                   fmt::format("a page of {} bytes at byte {} of a file of {} bytes", bytes,
                               page.first_block, file_bytes),
                   "pages that end within the file", "the file is cut short: get a fresh copy");
  }
}

std::vector<std::string> how_values_are_read(const TiffDirectory& page) {
  std::vector<std::string> notes;
  if (page.photometric == PHOTOMETRIC_PALETTE) {
    notes.emplace_back("the colour table is not applied: stored values are read");
  }
  if (page.photometric == PHOTOMETRIC_MINISWHITE) {
    notes.emplace_back("stored as 'white is zero': values are read as stored, not inverted");
  }
  if (static_cast<std::uint32_t>(page.channels()) < page.samples) {
    notes.push_back(page.samples - static_cast<std::uint32_t>(page.channels()) == 1
                        ? "the alpha channel is not read"
                        : "values beyond red, green and blue are not read");
  }
  if (std::string note = orientation_note(page.orientation); !note.empty()) {
    notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace retina::store
