#include "retina/store/tiff/tiff_directory.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <unordered_set>

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace {

constexpr std::uint64_t kWindow = 4096;
constexpr std::uint64_t kMaxTags = 4096;  // of one directory; real ones have some dozens
constexpr std::uint64_t kMaxText = std::uint64_t{256} << 20;
constexpr std::uint32_t kFirstPrivateTag = 32768;

enum TiffTag : std::uint32_t {
  kSubfileType = 254,
  kOldSubfileType = 255,
  kWidth = 256,
  kHeight = 257,
  kBits = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kDescription = 270,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamples = 277,
  kRowsPerStrip = 278,
  kXResolution = 282,
  kYResolution = 283,
  kPlanar = 284,
  kResolutionUnit = 296,
  kTileWidth = 322,
  kTileHeight = 323,
  kTileOffsets = 324,
  kSubDirectories = 330,
  kExtraSamples = 338,
  kSampleFormat = 339,
  kUic2 = 33629,
  kDepth = 32997,
};

/// One entry of a directory.
struct TiffEntry {
  std::uint32_t tag = 0;
  std::uint32_t type = 0;
  std::uint64_t count = 0;
  std::uint64_t at = 0;  ///< where its values lie
};

std::uint64_t size_of_type(std::uint32_t type) {
  switch (type) {
    case 1:  // byte
    case 2:  // text
    case 6:  // signed byte
    case 7:  // undefined
      return 1;
    case 3:  // short
    case 8:  // signed short
      return 2;
    case 4:   // long
    case 9:   // signed long
    case 11:  // float
    case 13:  // directory
      return 4;
    case 5:   // rational
    case 10:  // signed rational
    case 12:  // double
    case 16:  // long of 8 bytes
    case 17:  // the same, signed
    case 18:  // directory, 8 bytes
      return 8;
    default:
      return 0;
  }
}

/// Reads the directories of one file through a small window: most need one read each.
class DirectoryReader {
 public:
  explicit DirectoryReader(const PositionedFile& file)
      : file_(file), size_(static_cast<std::uint64_t>(file.size())) {}

  TiffContents read() {
    std::uint64_t next = read_header();
    std::unordered_set<std::uint64_t> seen;
    while (next != 0) {
      if (!seen.insert(next).second) {
        throw damaged(fmt::format("the list of pages runs in a circle after page {}", seen.size()));
      }
      if (!holds(next, is_big_ ? 8 : 2)) {
        throw damaged(
            fmt::format("the list of pages breaks off after page {}: the next one would "
                        "lie at byte {} of {}",
                        seen.size() - 1, next, size_));
      }
      next = read_directory(next);
    }
    if (contents_.pages.empty()) {
      throw damaged("no page at all");
    }
    return std::move(contents_);
  }

 private:
  Error damaged(const std::string& found) const {
    return bad_file(file_.path(), found, "a complete TIFF file",
                    "the file is damaged or cut short: get a fresh copy");
  }

  /// True if bytes [offset, offset + count) lie in the file.
  bool holds(std::uint64_t offset, std::uint64_t count) const {
    return offset <= size_ && count <= size_ - offset;
  }

  /// `size` bytes (1 to 8) at `offset` as a number.
  std::uint64_t number(std::uint64_t offset, std::uint64_t size) {
    if (offset < window_start_ || offset - window_start_ + size > window_.size()) {
      if (!holds(offset, size)) {
        throw damaged(fmt::format("page {} points to byte {} of a file of {} bytes",
                                  contents_.pages.size() + 1, offset, size_));
      }
      window_start_ = offset;
      window_.resize(std::min(kWindow, size_ - offset));
      file_.read(static_cast<std::int64_t>(offset), window_);
    }
    std::uint64_t value = 0;
    const std::byte* bytes = window_.data() + (offset - window_start_);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t byte = std::to_integer<std::uint64_t>(bytes[i]);
      value |= byte << 8 * (contents_.is_big_endian ? size - 1 - i : i);
    }
    return value;
  }

  std::uint64_t read_header() {
    contents_.is_big_endian = number(0, 1) == 'M';
    is_big_ = number(2, 2) == 43;
    if (is_big_ && number(4, 2) != 8) {
      throw damaged(fmt::format("a BigTIFF header with offsets of {} bytes", number(4, 2)));
    }
    return is_big_ ? number(8, 8) : number(4, 4);
  }

  std::uint64_t read_directory(std::uint64_t offset) {
    const std::uint64_t word = is_big_ ? 8 : 4;
    const std::uint64_t head = is_big_ ? 8 : 2;
    const std::uint64_t entry_size = is_big_ ? 20 : 12;
    const std::uint64_t count = number(offset, head);
    if (count == 0 || count > kMaxTags || !holds(offset, head + count * entry_size + word)) {
      throw damaged(fmt::format("page {} has a directory of {} tags, which cannot be",
                                contents_.pages.size() + 1, count));
    }
    TiffDirectory page;
    page.offset = offset;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t at = offset + head + i * entry_size;
      TiffEntry entry{.tag = static_cast<std::uint32_t>(number(at, 2)),
                      .type = static_cast<std::uint32_t>(number(at + 2, 2)),
                      .count = number(at + 4, word),
                      .at = at + 4 + word};
      const std::uint64_t size = size_of_type(entry.type);
      if (entry.count > 0 && size > 0) {
        if (entry.count > word / size) {
          entry.at = number(entry.at, word);
          refuse_cut_value(entry, size);
        }
        take(page, entry);
      }
    }
    const std::uint64_t next = number(offset + head + count * entry_size, word);
    contents_.pages.push_back(page);
    return next;
  }

  /// The values of all public tags must be there, needed or not, so that a file that was cut short
  /// is noticed; private tags may be broken.
  void refuse_cut_value(const TiffEntry& entry, std::uint64_t value_size) {
    const bool fits =
        entry.count <= size_ / value_size && holds(entry.at, entry.count * value_size);
    if (!fits && entry.tag < kFirstPrivateTag) {
      throw damaged(fmt::format("page {} has a tag {} whose value ends beyond the file",
                                contents_.pages.size() + 1, entry.tag));
    }
  }

  std::uint64_t integer(const TiffEntry& entry) {
    return number(entry.at, size_of_type(entry.type));
  }

  /// An integer that the format keeps under 2^32, damaged values cut off there.
  std::uint32_t small(const TiffEntry& entry) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(integer(entry), UINT32_MAX));
  }

  /// The value that all samples share.
  std::uint32_t common(const TiffEntry& entry) {
    const std::uint64_t size = size_of_type(entry.type);
    const std::uint64_t count = std::min<std::uint64_t>(entry.count, 65535);
    for (std::uint64_t i = 1; i < count; ++i) {
      if (number(entry.at + i * size, size) != integer(entry)) {
        throw bad_file(file_.path(),
                       fmt::format("page {} with values of several kinds in one pixel",
                                   contents_.pages.size() + 1),
                       "one kind of values", "save each channel as a page");
      }
    }
    return small(entry);
  }

  void take(TiffDirectory& page, const TiffEntry& entry) {
    take_shape(page, entry);
    take_layout(page, entry);
    if (contents_.pages.empty()) {
      take_text(entry);
    }
  }

  void take_shape(TiffDirectory& page, const TiffEntry& entry) {
    switch (entry.tag) {
      case kWidth:
        page.width = small(entry);
        break;
      case kHeight:
        page.height = small(entry);
        break;
      case kDepth:
        page.depth = small(entry);
        break;
      case kBits:
        page.bits = common(entry);
        break;
      case kSampleFormat:
        page.sample_format = common(entry);
        break;
      case kSamples:
        page.samples = small(entry);
        break;
      case kExtraSamples:
        page.extra_samples =
            static_cast<std::uint32_t>(std::min<std::uint64_t>(entry.count, 65535));
        page.extra_kind = small(entry);
        break;
      case kPhotometric:
        page.photometric = small(entry);
        break;
      case kUic2:
        page.planes_in_tag = entry.count;
        break;
      default:
        break;
    }
  }

  void take_layout(TiffDirectory& page, const TiffEntry& entry) {
    switch (entry.tag) {
      case kSubfileType:
        page.subfile_type = small(entry);
        break;
      case kOldSubfileType:
        page.subfile_type |= small(entry) == 2 ? 1U : 0U;
        break;
      case kSubDirectories:
        page.sub_directories = entry.count;
        break;
      case kCompression:
        page.compression = small(entry);
        break;
      case kFillOrder:
        page.fill_order = small(entry);
        break;
      case kOrientation:
        page.orientation = small(entry);
        break;
      case kPlanar:
        page.planar = small(entry);
        break;
      case kRowsPerStrip:
        page.rows_per_strip = small(entry);
        break;
      case kTileWidth:
        page.tile_width = small(entry);
        break;
      case kTileHeight:
        page.tile_height = small(entry);
        break;
      case kStripOffsets:
      case kTileOffsets:
        page.blocks = entry.count;
        page.first_block = entry.count == 1 ? integer(entry) : 0;
        break;
      default:
        break;
    }
  }

  void take_text(const TiffEntry& entry) {
    switch (entry.tag) {
      case kDescription:
        // some writers give two, the first being the richer one
        if (contents_.description.empty() && size_of_type(entry.type) == 1) {
          contents_.description = text(entry);
        }
        break;
      case kXResolution:
        contents_.resolution.x = rational(entry);
        break;
      case kYResolution:
        contents_.resolution.y = rational(entry);
        break;
      case kResolutionUnit:
        contents_.resolution.unit = static_cast<int>(std::min<std::uint32_t>(small(entry), 4));
        break;
      default:
        break;
    }
  }

  std::string text(const TiffEntry& entry) {
    if (entry.count > kMaxText) {
      throw bad_file(file_.path(), fmt::format("a description of {} bytes", entry.count),
                     fmt::format("at most {} bytes", kMaxText),
                     "the file is damaged: get a fresh copy");
    }
    std::string text(entry.count, '\0');
    file_.read(static_cast<std::int64_t>(entry.at), std::as_writable_bytes(std::span(text)));
    text.resize(std::min(text.size(), text.find('\0')));
    return text;
  }

  double rational(const TiffEntry& entry) {
    if (entry.type != 5) {
      return 0;
    }
    const std::uint64_t numerator = number(entry.at, 4);
    const std::uint64_t denominator = number(entry.at + 4, 4);
    return denominator == 0 ? 0 : static_cast<double>(numerator) / static_cast<double>(denominator);
  }

  const PositionedFile& file_;
  std::uint64_t size_;
  TiffContents contents_;
  bool is_big_ = false;
  std::vector<std::byte> window_;
  std::uint64_t window_start_ = 0;
};

constexpr std::uint32_t kSeparatePlanes = 2;
constexpr std::uint32_t kPalette = 3;
constexpr std::uint32_t kUncompressed = 1;

}  // namespace

std::optional<core::DType> TiffDirectory::dtype() const {
  using core::DType;
  if (sample_format == 3) {
    return bits == 32   ? std::optional(DType::f32)
           : bits == 64 ? std::optional(DType::f64)
                        : std::nullopt;
  }
  const bool is_signed = sample_format == 2;
  if (!is_signed && sample_format != 1 && sample_format != 4) {
    return std::nullopt;
  }
  switch (bits) {
    case 1:
    case 2:
    case 4:
      return samples == 1 && !is_signed ? std::optional(DType::u8) : std::nullopt;
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

int TiffDirectory::channels() const {
  // grey of several values without a word about the extra ones: all are channels
  const bool is_grey = photometric <= 1 || photometric == kPalette;
  if (!is_grey) {
    return static_cast<int>(std::min(samples, 3U));
  }
  const bool has_alpha = extra_samples == 1 && (extra_kind == 1 || extra_kind == 2);
  return static_cast<int>(has_alpha && samples > 1 ? samples - 1 : samples);
}

bool TiffDirectory::is_raw() const {
  return blocks == 1 && !is_tiled() && compression == kUncompressed && fill_order == 1 &&
         bits >= 8 && samples >= 1 && (planar != kSeparatePlanes || samples == 1);
}

std::string TiffDirectory::text() const {
  const auto kind = dtype();
  std::string out =
      fmt::format("{} x {} {}", height, width,
                  kind ? std::string(core::name_of(*kind))
                       : fmt::format("values of {} bits, sample format {}", bits, sample_format));
  return samples == 1 ? out : fmt::format("{} with {} values a pixel", out, samples);
}

TiffContents read_tiff_directories(const PositionedFile& file) {
  return DirectoryReader(file).read();
}

}  // namespace retina::store
