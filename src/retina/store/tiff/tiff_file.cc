#include "retina/store/tiff/tiff_file.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <tiffio.h>

#include "retina/store/flat_file.h"
#include "retina/store/image/interleave.h"
#include "retina/store/problem.h"
#include "retina/store/tiff/tiff_support.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{256} << 10;

/// Bytes of a row of `width` pixels with `values` values each.
std::int64_t row_bytes(const TiffDirectory& page, std::int64_t width, std::int64_t values) {
  return (width * values * page.bits + 7) / 8;
}

/// Values of 1, 2 or 4 bits, rows padded to whole bytes -> one byte each.
std::vector<std::byte> unpacked(std::span<const std::byte> packed, std::uint32_t bits,
                                std::int64_t rows, std::int64_t width) {
  std::vector<std::byte> out;
  out.reserve(static_cast<std::size_t>(rows * width));
  const auto row = packed.size() / static_cast<std::size_t>(rows);
  const std::uint32_t per_byte = 8 / bits;
  for (std::size_t y = 0; y < static_cast<std::size_t>(rows); ++y) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x) {
      const auto byte = std::to_integer<std::uint32_t>(packed[y * row + x / per_byte]);
      const auto shift = 8 - bits * (static_cast<std::uint32_t>(x % per_byte) + 1);
      out.push_back(static_cast<std::byte>(byte >> shift & ((1U << bits) - 1)));
    }
  }
  return out;
}

/// Pixels stored side by side -> the channels that are read.
core::Array channels_of(std::span<const std::byte> pixels, const TiffDirectory& page,
                        std::int64_t rows, std::int64_t width) {
  const core::DType dtype = *page.dtype();
  if (page.bits < 8) {
    return from_interleaved(unpacked(pixels, page.bits, rows, width), dtype, 1, rows, width);
  }
  core::Array all = from_interleaved(pixels, dtype, static_cast<int>(page.samples), rows, width);
  if (page.channels() == all.channels()) {
    return all;
  }
  core::Array some(dtype, page.channels(), all.shape());
  std::copy_n(all.bytes().begin(), some.bytes().size(), some.bytes().begin());
  return some;
}

/// A strip or tile to be decoded.
struct Block {
  std::uint32_t index = 0;
  std::int64_t bytes = 0;  ///< when decoded
};

/// Throws before memory is taken for what a damaged file claims.
void require_stored(const TiffHandle& handle, const TiffDirectory& page, const Block& block) {
  const std::uint64_t stored = TIFFGetStrileByteCount(handle.get(), block.index);
  const double most =
      static_cast<double>(stored) * static_cast<double>(tiff_max_ratio(page.compression));
  if (static_cast<double>(block.bytes) > most) {
    handle.fail(fmt::format("{} x {} page with a block {} of {} bytes that claims {} bytes",
                            page.height, page.width, block.index, stored, block.bytes));
  }
}

void decode_block(const TiffHandle& handle, const TiffDirectory& page, const Block& block,
                  std::span<std::byte> out) {
  handle.forget_messages();
  TIFF* tiff = handle.get();
  const tmsize_t read = page.is_tiled()
                            ? TIFFReadEncodedTile(tiff, block.index, out.data(), block.bytes)
                            : TIFFReadEncodedStrip(tiff, block.index, out.data(), block.bytes);
  if (read != block.bytes || handle.has_jpeg_warning()) {
    handle.fail(
        fmt::format("block {} of the page at byte {} cannot be decoded", block.index, page.offset));
  }
}

void go_to_page(const TiffHandle& handle, const TiffDirectory& page) {
  handle.forget_messages();
  TIFF* tiff = handle.get();
  if (TIFFCurrentDirOffset(tiff) != page.offset && TIFFSetSubDirectory(tiff, page.offset) != 1) {
    handle.fail(fmt::format("the page at byte {} cannot be read", page.offset));
  }
  if (page.photometric == PHOTOMETRIC_YCBCR) {
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  const std::int64_t values = page.planar == PLANARCONFIG_SEPARATE ? 1 : page.samples;
  const tmsize_t row = page.is_tiled() ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
  const std::int64_t width = page.is_tiled() ? page.tile_width : page.width;
  if (row != row_bytes(page, width, values)) {
    handle.fail(fmt::format("the page at byte {} has contradictory tags", page.offset));
  }
}

}  // namespace

TiffGrid tiff_grid(const TiffDirectory& page) {
  if (page.is_tiled()) {
    return {.height = page.tile_height,
            .width = page.tile_width,
            .across = (page.width + page.tile_width - 1) / page.tile_width,
            .strips = 1,
            .rows_per_strip = page.tile_height};
  }
  TiffGrid grid{.width = page.width};
  const std::int64_t row = std::max<std::int64_t>(1, row_bytes(page, page.width, page.samples));
  const std::int64_t rows = std::clamp<std::int64_t>(kPieceBytes / row, 1, page.height);
  if (page.is_raw()) {
    grid.height = grid.rows_per_strip = rows;
    return grid;
  }
  grid.rows_per_strip =
      page.rows_per_strip < 1 ? page.height : std::min(page.rows_per_strip, page.height);
  grid.strips = std::max<std::int64_t>(1, rows / grid.rows_per_strip);
  grid.height = grid.strips * grid.rows_per_strip;
  return grid;
}

/// A handle for the time of one read, given back afterwards.
class TiffFile::Lease {
 public:
  explicit Lease(const TiffFile& file) : file_(file) {
    {
      const std::lock_guard lock(file.mutex_);
      if (!file.idle_.empty()) {
        handle_ = std::move(file.idle_.back());
        file.idle_.pop_back();
        return;
      }
    }
    handle_ = std::make_unique<TiffHandle>(file.bytes_.path(), "rm");
  }
  ~Lease() {
    if (handle_ != nullptr) {
      const std::lock_guard lock(file_.mutex_);
      file_.idle_.push_back(std::move(handle_));
    }
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  const TiffHandle& handle() const { return *handle_; }

 private:
  const TiffFile& file_;
  std::unique_ptr<TiffHandle> handle_;
};

TiffFile::TiffFile(const fs::path& path) : bytes_(path), contents_(read_tiff_directories(bytes_)) {}

core::Array TiffFile::raw_rows(const TiffPlane& plane, std::int64_t y, std::int64_t rows) const {
  const TiffDirectory& page = contents_.pages[plane.page];
  const std::int64_t row = row_bytes(page, page.width, page.samples);
  const auto offset =
      static_cast<std::int64_t>(page.first_block) + (plane.image * page.height + y) * row;
  core::Array values(*page.dtype(), 1, {1, rows, page.width * page.samples});
  bytes_.read(offset, values.bytes());
  to_native_order(values, contents_.is_big_endian ? std::endian::big : std::endian::little);
  if (page.samples > 1) {
    return channels_of(values.bytes(), page, rows, page.width);
  }
  return values;
}

core::Array TiffFile::decode(const TiffDirectory& page, const TiffGrid& grid, std::int64_t by,
                             std::int64_t bx) const {
  const Lease lease(*this);
  const TiffHandle& handle = lease.handle();
  go_to_page(handle, page);
  const std::int64_t rows =
      page.is_tiled() ? grid.height : std::min(grid.height, page.height - by * grid.height);
  const bool is_separate = page.planar == PLANARCONFIG_SEPARATE && page.samples > 1;
  const std::int64_t row = row_bytes(page, grid.width, is_separate ? 1 : page.samples);
  const std::int64_t strips = (rows + grid.rows_per_strip - 1) / grid.rows_per_strip;
  const std::int64_t down = (page.height + grid.rows_per_strip - 1) / grid.rows_per_strip;
  const std::int64_t first = page.is_tiled() ? by * grid.across + bx : by * grid.strips;

  std::vector<std::byte> pixels;
  for (std::int64_t plane = 0; plane < (is_separate ? page.channels() : 1); ++plane) {
    const std::size_t begin = pixels.size();
    for (std::int64_t i = 0; i < strips; ++i) {
      const std::int64_t strip_rows = std::min(grid.rows_per_strip, rows - i * grid.rows_per_strip);
      const Block block{.index = static_cast<std::uint32_t>(plane * grid.across * down + first + i),
                        .bytes = strip_rows * row};
      require_stored(handle, page, block);
      pixels.resize(begin + static_cast<std::size_t>((i * grid.rows_per_strip + strip_rows) * row));
      decode_block(handle, page, block,
                   std::span(pixels).subspan(
                       begin + static_cast<std::size_t>(i * grid.rows_per_strip * row)));
    }
  }
  if (!is_separate) {
    return channels_of(pixels, page, rows, grid.width);
  }
  core::Array values(*page.dtype(), page.channels(), {1, rows, grid.width});
  std::copy(pixels.begin(), pixels.end(), values.bytes().begin());
  return values;
}

core::Array TiffFile::piece(const TiffPlane& plane, const TiffGrid& grid, std::int64_t by,
                            std::int64_t bx) const {
  const TiffDirectory& page = contents_.pages[plane.page];
  if (page.is_raw()) {
    return raw_rows(plane, by * grid.height, std::min(grid.height, page.height - by * grid.height));
  }
  return decode(page, grid, by, bx);
}

core::Array TiffFile::read(const TiffPlane& plane, const core::Box3& box) const {
  const TiffDirectory& page = contents_.pages[plane.page];
  if (page.is_raw() && box.shape[2] == page.width) {
    return raw_rows(plane, box.start[1], box.shape[1]);
  }
  const TiffGrid grid = tiff_grid(page);
  const core::Vec3 stop = box.stop();
  const std::int64_t number = static_cast<std::int64_t>(plane.page) + plane.image;
  core::Array out(*page.dtype(), page.channels(), {1, box.shape[1], box.shape[2]});
  for (std::int64_t by = box.start[1] / grid.height; by * grid.height < stop[1]; ++by) {
    for (std::int64_t bx = box.start[2] / grid.width; bx * grid.width < stop[2]; ++bx) {
      const std::int64_t key = (number << 32) + by * grid.across + bx;
      const ChunkCache::Item item = cache_.get(key, [&] { return piece(plane, grid, by, bx); });
      core::copy_overlap(*item, {0, by * grid.height, bx * grid.width}, out,
                         {0, box.start[1], box.start[2]});
    }
  }
  return out;
}

}  // namespace retina::store
