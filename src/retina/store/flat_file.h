#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>

#include "retina/core/array.h"
#include "retina/store/block.h"
#include "retina/store/positioned_file.h"

namespace retina::store {

/// Values that lie in a file without gaps or compression.
struct FlatLayout {
  core::DType dtype = core::DType::u8;
  std::endian byte_order = std::endian::little;
  std::int64_t offset = 0;   ///< byte of the first value
  Index4 shape{1, 1, 1, 1};  ///< c, z, y, x
  /// The axes as they lie in the file, slowest first: 0 = c, 1 = z, 2 = y, 3 = x.
  std::array<std::size_t, 4> order{0, 1, 2, 3};
};

/// Bytes of all values; -1 if they are more than 2^62.
std::int64_t bytes_of(const FlatLayout& layout);

/// Values in the order of the file -> an array c,z,y,x. `shape` is of the part at hand, c,z,y,x.
core::Array from_file_order(core::Array values, const Index4& shape,
                            const std::array<std::size_t, 4>& order);

/// A block of values; reads runs as long as the layout has them. That the source is long enough is
/// the caller's.
core::Array read_flat(const ByteSource& source, const FlatLayout& layout, const Block4& block);

/// VolumeInfo::chunk of flat values: rows, where they lie one after the other and can be read from
/// anywhere, else planes.
core::Vec3 unit_of_reading(const ByteSource& source, const FlatLayout& layout);

/// A volume of plain values in a file; reads no more than it is asked for.
class FlatFile {
 public:
  /// bad_data naming the file if it is too short for its layout.
  FlatFile(std::filesystem::path path, const FlatLayout& layout);

  const FlatLayout& layout() const { return layout_; }
  core::Vec3 unit() const { return unit_of_reading(file_, layout_); }
  std::int64_t file_bytes() const { return file_.size(); }
  core::Array read(const Block4& block) const;

 private:
  PositionedFile file_;
  FlatLayout layout_;
};

/// Reverses the bytes of every value if `byte_order` is not this machine's.
void to_native_order(std::span<std::byte> values, std::size_t value_size, std::endian byte_order);
void to_native_order(core::Array& values, std::endian byte_order);

}  // namespace retina::store
