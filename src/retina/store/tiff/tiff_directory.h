#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/store/positioned_file.h"
#include "retina/store/tiff/tiff_metadata.h"

namespace retina::store {

/// The tags of one page (an "image file directory") that say what it is and how its pixels lie in
/// the file. Numbers are as the TIFF specification gives them.
struct TiffDirectory {
  std::uint64_t offset = 0;  ///< of the directory in the file
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t depth = 1;       ///< ImageDepth: more than 1 only in volumetric TIFF
  std::int64_t tile_width = 0;  ///< 0 = strips
  std::int64_t tile_height = 0;
  std::int64_t rows_per_strip = 0;  ///< 0 = all
  std::uint32_t bits = 1;
  std::uint32_t sample_format = 1;  ///< 1 unsigned, 2 signed, 3 float, 4 void
  std::uint32_t samples = 1;        ///< values a pixel as stored, alpha included
  std::uint32_t extra_samples = 0;  ///< of these, beyond colour or grey
  std::uint32_t extra_kind = 0;     ///< of the first of them: 1 or 2 = alpha
  std::uint32_t photometric = 1;
  std::uint32_t planar = 1;  ///< 1 values of a pixel side by side, 2 in separate planes
  std::uint32_t compression = 1;
  std::uint32_t fill_order = 1;    ///< 2 = bits of a byte reversed
  std::uint32_t orientation = 1;   ///< where row 0 and column 0 lie: 1 = top and left
  std::uint32_t subfile_type = 0;  ///< bit 0 a smaller copy, bit 2 a transparency mask
  std::uint64_t sub_directories = 0;
  std::uint64_t planes_in_tag = 0;  ///< of a MetaMorph stack (UIC2)
  std::uint64_t blocks = 0;         ///< strips or tiles
  std::uint64_t first_block = 0;    ///< offset of the first one, if there is only one

  bool is_tiled() const { return tile_width > 0; }
  /// Kind of the values; empty if this program has none like it. Values of 1, 2 and 4 bits are read
  /// as uint8.
  std::optional<core::DType> dtype() const;
  /// Values a pixel that are read: alpha is not.
  int channels() const;
  /// True if all pixels lie in one piece, uncompressed and in whole bytes, with the values of a
  /// pixel side by side: readable by offset arithmetic.
  bool is_raw() const;
  /// "40 x 50 uint8", "40 x 50 uint8 with 3 values a pixel"
  std::string text() const;
};

/// All that the directories of a file say.
struct TiffContents {
  bool is_big_endian = false;
  std::vector<TiffDirectory> pages;  ///< in the order of the file; at least one
  std::string description;           ///< ImageDescription of the first page
  TiffResolution resolution;         ///< of the first page
};

/// Walks the list of directories, without touching a pixel. bad_data if it is damaged, breaks off
/// or runs in a circle.
TiffContents read_tiff_directories(const PositionedFile& file);

}  // namespace retina::store
