#include "retina/store/png/png.h"

#include <bit>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>
#include <png.h>

#include "retina/store/image/interleave.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMaxDeflateRatio = 1100;  // of zlib, with some room
constexpr bool kSwap = std::endian::native == std::endian::little;

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  *static_cast<std::string*>(png_get_error_ptr(png)) = message;
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // libpng reads on; what matters is an error

/// Reads from memory: the span that is left.
void read_png_bytes(png_structp png, png_bytep out, png_size_t size) {
  auto& left = *static_cast<std::span<const std::byte>*>(png_get_io_ptr(png));
  if (size > left.size()) {
    png_error(png, "the data end too early");
  }
  std::memcpy(out, left.data(), size);
  left = left.subspan(size);
}

/// One PNG being read, from a file or from memory. libpng leaves by longjmp, so the functions that
/// call setjmp own nothing.
class PngReader {
 public:
  explicit PngReader(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (file_ == nullptr) {
      throw bad_file(path, "it cannot be opened", "a readable PNG file", "check the path");
    }
    start();
  }
  PngReader(const fs::path& name, std::span<const std::byte> bytes) : path_(name), left_(bytes) {
    start();
  }
  ~PngReader() {
    png_destroy_read_struct(&png_, &info_, nullptr);
    if (file_ != nullptr) {
      std::fclose(file_);
    }
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  ImageHeader header() {
    if (!parse_header()) {
      fail();
    }
    const int type = png_get_color_type(png_, info_);
    ImageHeader header;
    header.dtype = png_get_bit_depth(png_, info_) == 16 ? core::DType::u16 : core::DType::u8;
    header.channels = (type & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
    header.height = png_get_image_height(png_, info_);
    header.width = png_get_image_width(png_, info_);
    header.has_alpha =
        (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    if (file_ != nullptr) {
      require_plausible_size(path_, header, kMaxDeflateRatio * expansion(type));
    }
    return header;
  }

  std::vector<std::byte> pixels(const ImageHeader& header) {
    const std::size_t row = static_cast<std::size_t>(header.width) *
                            static_cast<std::size_t>(header.channels) * core::size_of(header.dtype);
    if (!choose_transforms() || png_get_rowbytes(png_, info_) != row) {
      fail();
    }
    std::vector<std::byte> bytes(row * static_cast<std::size_t>(header.height));
    std::vector<png_bytep> rows;
    for (std::size_t y = 0; y < static_cast<std::size_t>(header.height); ++y) {
      rows.push_back(reinterpret_cast<png_bytep>(bytes.data() + y * row));
    }
    if (!parse_rows(rows.data())) {
      fail();
    }
    return bytes;
  }

 private:
  void start() {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message_, on_error, on_warning);
    info_ = png_create_info_struct(png_);
  }

  /// Bytes that a stored byte becomes when it is unpacked: 1-bit pixels take 8, palettes 3 values.
  std::int64_t expansion(int colour_type) const {
    const std::int64_t bits = png_get_bit_depth(png_, info_);
    return (bits < 8 ? 8 / bits : 1) * (colour_type == PNG_COLOR_TYPE_PALETTE ? 3 : 1);
  }

  bool parse_header() {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    if (file_ != nullptr) {
      png_init_io(png_, file_);
    } else {
      png_set_read_fn(png_, &left_, read_png_bytes);
    }
    png_read_info(png_, info_);
    return true;
  }

  bool choose_transforms() {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    png_set_expand(png_);
    png_set_strip_alpha(png_);
    if (kSwap) {
      png_set_swap(png_);
    }
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }

  bool parse_rows(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_)) != 0) {
      return false;
    }
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

  [[noreturn]] void fail() const {
    throw bad_file(path_, fmt::format("damaged PNG data ({})", message_), "a complete PNG file",
                   "the file is damaged or cut short: get a fresh copy");
  }

  fs::path path_;
  std::FILE* file_ = nullptr;
  std::span<const std::byte> left_;
  std::string message_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

void append_bytes(png_structp png, png_bytep data, std::size_t size) {
  auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

void no_flush(png_structp) {}

bool write_rows(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) {
    return false;
  }
  png_write_info(png, info);
  if (kSwap) {
    png_set_swap(png);
  }
  png_write_image(png, rows);
  png_write_end(png, info);
  return true;
}

}  // namespace

ImageHeader read_png_header(const fs::path& file) {
  return PngReader(file).header();
}

core::Array decode_png(std::span<const std::byte> bytes, const fs::path& name,
                       std::int64_t max_pixels) {
  PngReader reader(name, bytes);
  const ImageHeader header = reader.header();
  require_pixels(name, header, max_pixels);
  return from_interleaved(reader.pixels(header), header.dtype, header.channels, header.height,
                          header.width);
}

core::Array read_png(const fs::path& file) {
  PngReader reader(file);
  const ImageHeader header = reader.header();
  return from_interleaved(reader.pixels(header), header.dtype, header.channels, header.height,
                          header.width);
}

std::vector<std::byte> encode_png(const core::Array& values, std::int64_t z) {
  std::vector<std::byte> pixels = to_interleaved(values, z);
  const auto height = static_cast<png_uint_32>(values.shape()[1]);
  const auto width = static_cast<png_uint_32>(values.shape()[2]);
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < height; ++y) {
    rows.push_back(reinterpret_cast<png_bytep>(pixels.data() + y * (pixels.size() / height)));
  }
  std::string message;
  std::vector<std::byte> out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &out, append_bytes, no_flush);
  png_set_compression_level(png, 3);  // EM noise hardly packs: higher levels cost time and gain 1 %
  png_set_IHDR(png, info, width, height, values.dtype() == core::DType::u16 ? 16 : 8,
               values.channels() == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const bool is_written = write_rows(png, info, rows.data());
  png_destroy_write_struct(&png, &info);
  if (!is_written) {
    throw Error(ErrorKind::internal, fmt::format("PNG encoding failed: {}", message));
  }
  return out;
}

void require_png_can_hold(const fs::path& file, core::DType dtype, int channels) {
  if ((dtype == core::DType::u8 || dtype == core::DType::u16) && (channels == 1 || channels == 3)) {
    return;
  }
  throw Error(
      ErrorKind::usage,
      Problem{.subject = fmt::format("output '{}'", file.string()),
              .found = fmt::format("{} values with {} channel(s)", core::name_of(dtype), channels),
              .expected = "uint8 or uint16 with 1 or 3 channels, which is what PNG holds",
              .remedy = "write .zarr or .tif instead"});
}

}  // namespace retina::store
