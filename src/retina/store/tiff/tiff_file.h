#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/tiff/tiff_metadata.h"

struct tiff;  // libtiff's handle type

namespace retina::store {

/// An open libtiff handle. Messages of libtiff are caught, per thread, and end up in errors that
/// name the file.
class TiffHandle {
 public:
  TiffHandle(const std::filesystem::path& path, const char* mode);
  ~TiffHandle();
  TiffHandle(const TiffHandle&) = delete;
  TiffHandle& operator=(const TiffHandle&) = delete;

  ::tiff* get() const { return tiff_; }
  /// bad_data with libtiff's latest message in this thread.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::filesystem::path path_;
  ::tiff* tiff_;
};

/// What all full-size pages of a file have in common.
struct TiffLayout {
  core::DType dtype = core::DType::u8;
  int samples = 1;  ///< values for each pixel that are read: 1 or 3
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t block_height = 0;  ///< of a strip or tile of the first page
  std::int64_t block_width = 0;
  TiffDescription description;
  TiffResolution resolution;
  std::vector<std::string> notes;
};

/// A TIFF file for reading by several threads: each takes an idle handle or opens another one.
class TiffFile {
 public:
  /// Reads the directories of all pages. bad_data if they differ in size or kind of values, or if
  /// one claims more than its bytes can hold. Reduced pages (thumbnails) are left out.
  explicit TiffFile(const std::filesystem::path& path);

  const TiffLayout& layout() const { return layout_; }
  std::int64_t pages() const { return static_cast<std::int64_t>(offsets_.size()); }

  /// Part of a page: `box` is addressed in y and x; its z counts nothing. Axes c,z,y,x, c =
  /// samples, z = 1.
  core::Array read(std::int64_t page, const core::Box3& box) const;

 private:
  class Lease;

  /// Strips or tiles of a page.
  struct Grid {
    bool are_tiles;
    std::int64_t height;
    std::int64_t width;
    std::int64_t across(const TiffLayout& page) const { return (page.width + width - 1) / width; }
  };

  void go_to_page(const TiffHandle& handle, std::int64_t page) const;
  Grid grid_of(std::int64_t page) const;
  core::Array block(std::int64_t page, const Grid& grid, std::int64_t by, std::int64_t bx) const;
  core::Array decode_block(std::int64_t page, std::uint32_t block, std::int64_t rows,
                           std::int64_t row_values) const;

  std::filesystem::path path_;
  TiffLayout layout_;
  std::vector<std::uint64_t> offsets_;  ///< of the directory of each page
  CacheOwner cache_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<TiffHandle>> idle_;
};

}  // namespace retina::store
