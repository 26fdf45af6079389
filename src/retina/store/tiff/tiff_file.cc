#include "retina/store/tiff/tiff_file.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <tiffio.h>

#include "retina/store/image/interleave.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// libtiff reports to one handler for the whole process but calls it in the thread that called
/// libtiff.
thread_local std::string last_message;

void keep_message(const char*, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  last_message = text.data();
}

void catch_messages() {
  static const bool is_set = [] {
    TIFFSetErrorHandler(keep_message);
    TIFFSetWarningHandler(nullptr);  // private tags and the like: nothing the user can act on
    return true;
  }();
  static_cast<void>(is_set);
}

template <class T>
T field(TIFF* tiff, std::uint32_t tag, T fallback) {
  T value{};
  return TIFFGetFieldDefaulted(tiff, tag, &value) == 1 ? value : fallback;
}

std::optional<core::DType> dtype_of_page(TIFF* tiff) {
  const auto bits = field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1);
  const auto format = field<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  using core::DType;
  if (format == SAMPLEFORMAT_IEEEFP) {
    return bits == 32   ? std::optional(DType::f32)
           : bits == 64 ? std::optional(DType::f64)
                        : std::nullopt;
  }
  const bool is_signed = format == SAMPLEFORMAT_INT;
  if (!is_signed && format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    return std::nullopt;
  }
  switch (bits) {
    case 8:
      return is_signed ? DType::i8 : DType::u8;
    case 16:
      return is_signed ? DType::i16 : DType::u16;
    case 32:
      return is_signed ? DType::i32 : DType::u32;
    case 64:
      return is_signed ? DType::i64 : DType::u64;
    default:
      return std::nullopt;
  }
}

/// The most one byte can expand to.
std::int64_t max_ratio(std::uint16_t compression) {
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
    default:
      return 1 << 18;
  }
}

struct PageKind {
  core::DType dtype;
  int samples;
  std::int64_t height;
  std::int64_t width;
  bool operator==(const PageKind&) const = default;
};

std::string to_text(const PageKind& kind) {
  return fmt::format("{} x {} {} with {} value(s) a pixel", kind.height, kind.width,
                     core::name_of(kind.dtype), kind.samples);
}

/// Blocks are strips or tiles.
struct Blocks {
  bool are_tiles;
  std::int64_t height;
  std::int64_t width;
};

Blocks blocks_of(TIFF* tiff, const PageKind& kind) {
  if (TIFFIsTiled(tiff) != 0) {
    return {true, field<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, 0),
            field<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0)};
  }
  const auto rows = field<std::uint32_t>(tiff, TIFFTAG_ROWSPERSTRIP, UINT32_MAX);
  return {false, std::min<std::int64_t>(rows, kind.height), kind.width};
}

void require_plausible_page(const fs::path& path, TIFF* tiff, const PageKind& kind) {
  const auto compression = field<std::uint16_t>(tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  const std::uint32_t blocks =
      TIFFIsTiled(tiff) != 0 ? TIFFNumberOfTiles(tiff) : TIFFNumberOfStrips(tiff);
  double stored = 0;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    stored += static_cast<double>(TIFFGetStrileByteCount(tiff, i));
  }
  const Blocks grid = blocks_of(tiff, kind);
  const double pixels =
      std::max(static_cast<double>(kind.height) * static_cast<double>(kind.width),
               static_cast<double>(grid.height) * static_cast<double>(grid.width));
  const double claimed = pixels * kind.samples * static_cast<double>(core::size_of(kind.dtype));
  if (kind.height < 1 || kind.width < 1 || grid.height < 1 || grid.width < 1 ||
      claimed > stored * static_cast<double>(max_ratio(compression))) {
    throw bad_file(path, fmt::format("a page that claims {} in {} bytes", to_text(kind), stored),
                   "pixels that can fit into the bytes stored",
                   "the file is damaged or cut short: get a fresh copy");
  }
}

int samples_of_page(const fs::path& path, TIFF* tiff, TiffLayout& layout) {
  const auto samples = field<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
  const auto photometric = field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  const auto planar = field<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  const bool is_colour = photometric == PHOTOMETRIC_RGB || photometric == PHOTOMETRIC_YCBCR;
  if ((samples != 1 && samples != (is_colour ? 3 : 1)) || planar != PLANARCONFIG_CONTIG) {
    if (samples > 1) {
      throw bad_file(path,
                     fmt::format("{} values a pixel{}", samples,
                                 planar == PLANARCONFIG_CONTIG ? "" : " in separate planes"),
                     "grey, or red, green and blue side by side",
                     "save the file as grey or as plain RGB, or channels as pages");
    }
  }
  if (photometric == PHOTOMETRIC_PALETTE && layout.notes.empty()) {
    layout.notes.emplace_back("the colour table is not applied: stored values are read");
  }
  if (photometric == PHOTOMETRIC_MINISWHITE && layout.notes.empty()) {
    layout.notes.emplace_back("stored as 'white is zero': values are read as stored, not inverted");
  }
  if (photometric == PHOTOMETRIC_YCBCR) {
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  return samples;
}

PageKind kind_of_page(const fs::path& path, TIFF* tiff, TiffLayout& layout) {
  const auto dtype = dtype_of_page(tiff);
  if (!dtype) {
    throw bad_file(path,
                   fmt::format("{} bits a value, sample format {}",
                               field<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1),
                               field<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, 1)),
                   "8, 16, 32 or 64 bit integers, or 32 or 64 bit floats",
                   "convert the file to 8 or 16 bits");
  }
  return {*dtype, samples_of_page(path, tiff, layout),
          field<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0),
          field<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0)};
}

void read_first_page(TIFF* tiff, const PageKind& kind, TiffLayout& layout) {
  const Blocks blocks = blocks_of(tiff, kind);
  layout.dtype = kind.dtype;
  layout.samples = kind.samples;
  layout.height = kind.height;
  layout.width = kind.width;
  layout.block_height = blocks.height;
  layout.block_width = blocks.width;
  const char* text = nullptr;
  if (TIFFGetField(tiff, TIFFTAG_IMAGEDESCRIPTION, &text) == 1 && text != nullptr) {
    layout.description = parse_tiff_description(text);
  }
  float x = 0;
  float y = 0;
  if (TIFFGetField(tiff, TIFFTAG_XRESOLUTION, &x) == 1 &&
      TIFFGetField(tiff, TIFFTAG_YRESOLUTION, &y) == 1) {
    layout.resolution = {x, y, field<std::uint16_t>(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH)};
  }
}

}  // namespace

TiffHandle::TiffHandle(const fs::path& path, const char* mode) : path_(path), tiff_(nullptr) {
  catch_messages();
  last_message.clear();
  tiff_ = TIFFOpen(path.c_str(), mode);
  if (tiff_ == nullptr) {
    fail("it cannot be opened");
  }
}

TiffHandle::~TiffHandle() {
  if (tiff_ != nullptr) {
    TIFFClose(tiff_);
  }
}

void TiffHandle::fail(const std::string& what) const {
  throw bad_file(path_, last_message.empty() ? what : fmt::format("{} ({})", what, last_message),
                 "a complete TIFF file", "the file is damaged or cut short: get a fresh copy");
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
    handle_ = std::make_unique<TiffHandle>(file.path_, "rm");
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

TiffFile::TiffFile(const fs::path& path) : path_(path) {
  auto handle = std::make_unique<TiffHandle>(path, "rm");
  TIFF* tiff = handle->get();
  std::optional<PageKind> first;
  do {
    last_message.clear();
    const auto subfile = field<std::uint32_t>(tiff, TIFFTAG_SUBFILETYPE, 0);
    if ((subfile & FILETYPE_REDUCEDIMAGE) != 0 && first) {
      continue;
    }
    const PageKind kind = kind_of_page(path, tiff, layout_);
    require_plausible_page(path, tiff, kind);
    if (!first) {
      first = kind;
      read_first_page(tiff, kind, layout_);
    } else if (kind != *first) {
      throw bad_file(path, fmt::format("page {} is {}", offsets_.size() + 1, to_text(kind)),
                     to_text(*first) + " as on page 1",
                     "split the file: pages of one stack have one size and kind");
    }
    offsets_.push_back(TIFFCurrentDirOffset(tiff));
  } while (TIFFReadDirectory(tiff) == 1);
  if (!last_message.empty()) {
    handle->fail(fmt::format("the list of pages breaks off after page {}", offsets_.size()));
  }
  idle_.push_back(std::move(handle));
}

void TiffFile::go_to_page(const TiffHandle& handle, std::int64_t page) const {
  last_message.clear();
  const std::uint64_t offset = offsets_[static_cast<std::size_t>(page)];
  if (TIFFCurrentDirOffset(handle.get()) != offset &&
      TIFFSetSubDirectory(handle.get(), offset) != 1) {
    handle.fail(fmt::format("page {} cannot be read", page + 1));
  }
}

core::Array TiffFile::decode_block(std::int64_t page, std::uint32_t block, std::int64_t rows,
                                   std::int64_t row_values) const {
  const Lease lease(*this);
  TIFF* tiff = lease.handle().get();
  go_to_page(lease.handle(), page);
  if (field<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, 1) == PHOTOMETRIC_YCBCR) {
    TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
  core::Array values(layout_.dtype, 1, {1, rows, row_values});
  const auto size = static_cast<tmsize_t>(values.bytes().size());
  const tmsize_t read = TIFFIsTiled(tiff) != 0
                            ? TIFFReadEncodedTile(tiff, block, values.bytes().data(), size)
                            : TIFFReadEncodedStrip(tiff, block, values.bytes().data(), size);
  if (read != size) {
    lease.handle().fail(fmt::format("page {}, block {} cannot be decoded", page + 1, block));
  }
  return values;
}

TiffFile::Grid TiffFile::grid_of(std::int64_t page) const {
  const Lease lease(*this);
  TIFF* tiff = lease.handle().get();
  go_to_page(lease.handle(), page);
  const Blocks blocks =
      blocks_of(tiff, {layout_.dtype, layout_.samples, layout_.height, layout_.width});
  return {blocks.are_tiles, blocks.height, blocks.width};
}

core::Array TiffFile::block(std::int64_t page, const Grid& grid, std::int64_t by,
                            std::int64_t bx) const {
  const std::int64_t rows =
      grid.are_tiles ? grid.height : std::min(grid.height, layout_.height - by * grid.height);
  const auto index = static_cast<std::uint32_t>(by * grid.across(layout_) + bx);
  return decode_block(page, index, rows, grid.width * layout_.samples);
}

core::Array TiffFile::read(std::int64_t page, const core::Box3& box) const {
  const Grid grid = grid_of(page);
  const std::int64_t samples = layout_.samples;
  const core::Vec3 stop = box.stop();
  // pixels as stored: a row holds all samples of one pixel after those of the one before
  core::Array pixels(layout_.dtype, 1, {1, box.shape[1], box.shape[2] * samples});
  for (std::int64_t by = box.start[1] / grid.height; by * grid.height < stop[1]; ++by) {
    for (std::int64_t bx = box.start[2] / grid.width; bx * grid.width < stop[2]; ++bx) {
      const std::int64_t key = (page << 32) + by * grid.across(layout_) + bx;
      const ChunkCache::Item item = cache_.get(key, [&] { return block(page, grid, by, bx); });
      core::copy_overlap(*item, {0, by * grid.height, bx * grid.width * samples}, pixels,
                         {0, box.start[1], box.start[2] * samples});
    }
  }
  return from_interleaved(pixels.bytes(), layout_.dtype, layout_.samples, box.shape[1],
                          box.shape[2]);
}

}  // namespace retina::store
