#include "retina/store/jpeg/jpeg.h"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>
// jpeglib.h needs stdio.h before it
#include <jpeglib.h>

#include "retina/store/image/interleave.h"
#include "retina/store/jpeg/exif.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

// A block of 64 pixels takes at least one bit: 512 pixels a byte; times 2 for 4:2:0 colour, times 2
// for room.
constexpr std::int64_t kMaxRatio = 2048;

constexpr int kApp1 = JPEG_APP0 + 1;              // where EXIF data lie
constexpr unsigned int kMostMarkerBytes = 65533;  // as its length has two bytes

struct ErrorState {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> message;
};

[[noreturn]] void on_error(j_common_ptr jpeg) {
  auto* state = reinterpret_cast<ErrorState*>(jpeg->err);
  jpeg->err->format_message(jpeg, state->message.data());
  std::longjmp(state->jump, 1);
}

/// Warnings mean corrupt data that libjpeg would fill in: here they are errors.
void on_message(j_common_ptr jpeg, int level) {
  if (level < 0) {
    on_error(jpeg);
  }
}

/// One JPEG being read, from a file or from memory. libjpeg leaves by longjmp, so the functions
/// that call setjmp own nothing.
class JpegReader {
 public:
  explicit JpegReader(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb")) {
    if (file_ == nullptr) {
      throw bad_file(path, "it cannot be opened", "a readable JPEG file", "check the path");
    }
    start();
  }
  JpegReader(const fs::path& name, std::span<const std::byte> bytes) : path_(name), bytes_(bytes) {
    start();
  }
  ~JpegReader() {
    jpeg_destroy_decompress(&jpeg_);
    if (file_ != nullptr) {
      std::fclose(file_);
    }
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  ImageHeader header() {
    if (!parse_header()) {
      fail();
    }
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3) {
      throw bad_file(path_, fmt::format("{} components (CMYK)", jpeg_.num_components),
                     "1 (grey) or 3 (colour)", "convert the file to grey");
    }
    ImageHeader header{.dtype = core::DType::u8,
                       .channels = jpeg_.num_components,
                       .height = jpeg_.image_height,
                       .width = jpeg_.image_width,
                       .orientation = orientation()};
    if (file_ != nullptr) {
      require_plausible_size(path_, header, kMaxRatio);
    }
    return header;
  }

  std::vector<std::byte> pixels(const ImageHeader& header) {
    const std::size_t row =
        static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.channels);
    std::vector<std::byte> bytes(row * static_cast<std::size_t>(header.height));
    if (!parse_rows(reinterpret_cast<JSAMPLE*>(bytes.data()), row)) {
      fail();
    }
    return bytes;
  }

 private:
  std::uint32_t orientation() const {
    for (const jpeg_marker_struct* marker = jpeg_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::uint32_t found =
          exif_orientation(std::as_bytes(std::span(marker->data, marker->data_length)));
      if (found != 1) {
        return found;
      }
    }
    return 1;
  }

  void start() {
    jpeg_.err = jpeg_std_error(&error_.manager);
    error_.manager.error_exit = on_error;
    error_.manager.emit_message = on_message;
    jpeg_create_decompress(&jpeg_);
  }

  bool parse_header() {
    if (setjmp(error_.jump) != 0) {
      return false;
    }
    if (file_ != nullptr) {
      jpeg_stdio_src(&jpeg_, file_);
    } else {
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    }
    jpeg_save_markers(&jpeg_, kApp1, kMostMarkerBytes);
    jpeg_read_header(&jpeg_, TRUE);
    return true;
  }

  bool parse_rows(JSAMPLE* first, std::size_t row) {
    if (setjmp(error_.jump) != 0) {
      return false;
    }
    jpeg_.out_color_space = jpeg_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW line = first + jpeg_.output_scanline * row;
      jpeg_read_scanlines(&jpeg_, &line, 1);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  [[noreturn]] void fail() const {
    throw bad_file(path_, fmt::format("damaged JPEG data ({})", error_.message.data()),
                   "a complete JPEG file", "the file is damaged or cut short: get a fresh copy");
  }

  fs::path path_;
  std::FILE* file_ = nullptr;
  std::span<const std::byte> bytes_;
  ErrorState error_{};
  jpeg_decompress_struct jpeg_{};
};

}  // namespace

ImageHeader read_jpeg_header(const fs::path& file) {
  return JpegReader(file).header();
}

core::Array decode_jpeg(std::span<const std::byte> bytes, const fs::path& name,
                        std::int64_t max_pixels) {
  JpegReader reader(name, bytes);
  const ImageHeader header = reader.header();
  require_pixels(name, header, max_pixels);
  return from_interleaved(reader.pixels(header), header.dtype, header.channels, header.height,
                          header.width);
}

core::Array read_jpeg(const fs::path& file) {
  JpegReader reader(file);
  const ImageHeader header = reader.header();
  return from_interleaved(reader.pixels(header), header.dtype, header.channels, header.height,
                          header.width);
}

}  // namespace retina::store
