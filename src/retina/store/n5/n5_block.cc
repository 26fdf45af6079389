#include "retina/store/n5/n5_block.h"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/flat_file.h"

namespace retina::store {

namespace {

constexpr std::uint64_t kDefaultMode = 0;
constexpr std::uint64_t kVarLengthMode = 1;

/// Takes big-endian integers off the front.
class N5HeaderReader {
 public:
  explicit N5HeaderReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t take(std::size_t size) {
    if (bytes_.size() < size) {
      throw damaged_bytes("N5 block", "a file that ends in its header");
    }
    std::uint64_t value = 0;
    for (const std::byte b : bytes_.first(size)) {
      value = value << 8U | std::to_integer<std::uint64_t>(b);
    }
    bytes_ = bytes_.subspan(size);
    return value;
  }
  std::span<const std::byte> rest() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// The block's own sides, slowest first.
Sides parse_block_header(N5HeaderReader& header, const N5Metadata& metadata) {
  const std::uint64_t mode = header.take(2);
  if (mode != kDefaultMode && mode != kVarLengthMode) {
    throw damaged_bytes("N5 block", fmt::format("mode {}, which holds no numbers", mode));
  }
  const std::uint64_t rank = header.take(2);
  if (rank != metadata.shape.size()) {
    throw damaged_bytes("N5 block", fmt::format("{} dimensions where the dataset has {}", rank,
                                                metadata.shape.size()));
  }
  Sides sides(metadata.shape.size());
  for (std::size_t i = sides.size(); i-- > 0;) {
    sides[i] = static_cast<std::int64_t>(header.take(4));
    if (sides[i] > metadata.block[i] || sides[i] < 1) {
      throw damaged_bytes("N5 block", fmt::format("a side of {} in blocks of {}", sides[i],
                                                  fmt::join(metadata.block, ", ")));
    }
  }
  if (mode == kVarLengthMode) {
    const std::uint64_t count = header.take(4);
    if (std::cmp_not_equal(count, count_of(sides))) {
      throw damaged_bytes("N5 block", fmt::format("{} values for {} voxels, as in label multisets",
                                                  count, count_of(sides)));
    }
  }
  return sides;
}

}  // namespace

std::vector<std::byte> decode_n5_block(std::span<const std::byte> file,
                                       const N5Metadata& metadata) {
  N5HeaderReader header(file);
  const Sides sides = parse_block_header(header, metadata);
  const std::size_t value_size = core::size_of(metadata.dtype);
  const std::size_t size = static_cast<std::size_t>(count_of(sides)) * value_size;
  const std::span<const std::byte> stored = header.rest();
  if (!metadata.compression && stored.size() != size) {
    throw damaged_bytes("N5 block",
                        fmt::format("{} bytes where {} are needed", stored.size(), size));
  }
  std::vector<std::byte> values = metadata.compression
                                      ? decompress(*metadata.compression, stored, size)
                                      : std::vector<std::byte>(stored.begin(), stored.end());
  if (values.size() != size) {
    throw damaged_bytes("N5 block",
                        fmt::format("{} bytes where {} are needed", values.size(), size));
  }
  to_native_order(values, value_size, std::endian::big);
  if (sides == metadata.block) {
    return values;
  }
  std::vector<std::byte> whole(metadata.block_bytes());
  paste(values, sides, Sides(sides.size(), 0), whole, metadata.block, value_size);
  return whole;
}

}  // namespace retina::store
