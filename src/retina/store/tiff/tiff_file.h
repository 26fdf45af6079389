#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/positioned_file.h"
#include "retina/store/tiff/tiff_directory.h"
#include "retina/store/tiff/tiff_handle.h"
#include "retina/store/tiff/tiff_series.h"

namespace retina::store {

/// How the pixels of a page are read piece by piece: strips of enough rows, or tiles.
struct TiffGrid {
  std::int64_t height = 1;  ///< of a piece, rows
  std::int64_t width = 1;
  std::int64_t across = 1;          ///< pieces side by side
  std::int64_t strips = 1;          ///< stored strips that one piece takes
  std::int64_t rows_per_strip = 1;  ///< of a stored strip
};

TiffGrid tiff_grid(const TiffDirectory& page);

/// Pixels of the pages of a TIFF file, for reading by several threads. Uncompressed pages in one
/// piece are read by offset arithmetic; for the others each thread takes an idle libtiff handle or
/// opens another one.
class TiffFile {
 public:
  /// Reads the directories of all pages; see read_tiff_directories().
  explicit TiffFile(const std::filesystem::path& path);

  const TiffContents& contents() const { return contents_; }
  const PositionedFile& bytes() const { return bytes_; }

  /// Part of a plane whose page passed require_readable_page(): `box` is addressed in y and x, its
  /// z counts nothing. Axes c,z,y,x, c = the channels of the page, z = 1. Only the strips and tiles
  /// that the box touches are read.
  core::Array read(const TiffPlane& plane, const core::Box3& box) const;

 private:
  class Lease;

  core::Array raw_rows(const TiffPlane& plane, std::int64_t y, std::int64_t rows) const;
  core::Array piece(const TiffPlane& plane, const TiffGrid& grid, std::int64_t by,
                    std::int64_t bx) const;
  core::Array decode(const TiffDirectory& page, const TiffGrid& grid, std::int64_t by,
                     std::int64_t bx) const;

  PositionedFile bytes_;
  TiffContents contents_;
  CacheOwner cache_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<TiffHandle>> idle_;
};

}  // namespace retina::store
