#include "retina/store/precomputed/sharding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/store/gunzip.h"
#include "retina/store/location.h"
#include "retina/store/positioned_file.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kWord = sizeof(std::uint64_t);
constexpr std::uint64_t kRows = 3;  // chunk, start, size

std::uint64_t word_at(std::span<const std::byte> bytes, std::size_t word) {
  std::uint64_t value = 0;
  for (std::size_t i = kWord; i-- > 0;) {
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[word * kWord + i]);
  }
  return value;
}

std::uint32_t finish_hash(std::uint32_t h) {
  h = (h ^ h >> 16U) * 0x85ebca6bU;
  h = (h ^ h >> 13U) * 0xc2b2ae35U;
  return h ^ h >> 16U;
}

std::uint64_t low_bits(int count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

std::uint64_t shifted_right(std::uint64_t value, int bits) {
  return bits >= 64 ? 0 : value >> bits;
}

/// `most` = the largest size that makes sense.
std::vector<std::byte> read_range(const PositionedFile& file, std::uint64_t start,
                                  std::uint64_t size, std::uint64_t most, const char* what) {
  const auto bytes = static_cast<std::uint64_t>(file.size());
  if (start > bytes || size > bytes - start || size > most) {
    throw bad_file(file.path(), fmt::format("{} at byte {}, {} bytes long", what, start, size),
                   fmt::format("up to {} bytes inside the {} of the file", most, bytes),
                   "the file is damaged or cut short: get a fresh copy");
  }
  std::vector<std::byte> out(size);
  file.read(static_cast<std::int64_t>(start), out);
  return out;
}

/// The largest sensible size of bytes that unpack to `limit`: deflate adds little where it gains
/// nothing.
std::uint64_t most_packed(std::uint64_t limit) {
  return limit + limit / 1024 + 1024;
}

std::vector<std::byte> unpacked(const PositionedFile& file, std::vector<std::byte> bytes,
                                PrecomputedSharding::Encoding encoding, std::size_t limit) {
  if (encoding == PrecomputedSharding::Encoding::raw) {
    return bytes;
  }
  try {
    return gunzip(bytes, limit);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", file.path().string()));
  }
}

}  // namespace

std::uint64_t compressed_morton_code(const core::Vec3& cell, const core::Vec3& grid) {
  std::uint64_t code = 0;
  int next = 0;
  for (int bit = 0; bit < 63; ++bit) {
    for (std::size_t axis = 3; axis-- > 0;) {  // x first
      if (std::int64_t{1} << bit < grid[axis]) {
        code |= (static_cast<std::uint64_t>(cell[axis]) >> bit & 1U) << next++;
      }
    }
  }
  return code;
}

std::uint64_t murmur_hash_3(std::uint64_t value) {
  constexpr std::uint32_t kBytes = 8;
  const std::uint32_t k1 = std::rotl(static_cast<std::uint32_t>(value) * 0x239b961bU, 15);
  const std::uint32_t k2 = std::rotl(static_cast<std::uint32_t>(value >> 32U) * 0xab0e9789U, 16);
  std::array<std::uint32_t, 4> h{k1 * 0xab0e9789U, k2 * 0x38b34ae5U, 0, 0};
  const auto mix = [&] {
    h[0] += h[1] + h[2] + h[3];
    for (std::size_t i = 1; i < 4; ++i) {
      h[i] += h[0];
    }
  };
  for (std::uint32_t& part : h) {
    part ^= kBytes;
  }
  mix();
  for (std::uint32_t& part : h) {
    part = finish_hash(part);
  }
  mix();
  return h[0] | static_cast<std::uint64_t>(h[1]) << 32U;
}

ShardPlace place_in_shards(const PrecomputedSharding& sharding, std::uint64_t chunk) {
  const std::uint64_t shifted = shifted_right(chunk, sharding.preshift_bits);
  const std::uint64_t hash =
      sharding.hash == PrecomputedSharding::Hash::identity ? shifted : murmur_hash_3(shifted);
  return {.shard = shifted_right(hash, sharding.minishard_bits) & low_bits(sharding.shard_bits),
          .minishard = hash & low_bits(sharding.minishard_bits)};
}

std::string shard_file_name(const PrecomputedSharding& sharding, std::uint64_t shard) {
  return fmt::format("{:0{}x}.shard", shard, (sharding.shard_bits + 3) / 4);
}

PrecomputedShards::PrecomputedShards(fs::path folder, const PrecomputedSharding& sharding,
                                     std::uint64_t chunks)
    : folder_(std::move(folder)), sharding_(sharding), chunks_(chunks) {}

/// The file states differences: of chunk numbers, and of starts to the end of the chunk before.
core::Array PrecomputedShards::load_index(const fs::path& path, std::uint64_t minishard) const {
  const PositionedFile file(path);
  const std::uint64_t table = std::uint64_t{1} << sharding_.minishard_bits << 4U;  // bytes
  const auto entry =
      read_range(file, minishard * 2 * kWord, 2 * kWord, 2 * kWord, "the shard index");
  const std::uint64_t start = word_at(entry, 0);
  const std::uint64_t stop = word_at(entry, 1);
  if (start == stop) {
    return {core::DType::u64, 1, {1, kRows, 0}};
  }
  if (stop < start || start > std::numeric_limits<std::uint64_t>::max() - table) {
    throw bad_file(path, fmt::format("a minishard index from {} to {}", start, stop),
                   "a place inside the file", "the file is damaged: get a fresh copy");
  }
  const std::uint64_t limit = chunks_ * kRows * kWord;
  std::vector<std::byte> bytes =
      read_range(file, table + start, stop - start, most_packed(limit), "a minishard index");
  bytes = unpacked(file, std::move(bytes), sharding_.index, limit);
  if (bytes.size() % (kRows * kWord) != 0) {
    throw bad_file(path, fmt::format("a minishard index of {} bytes", bytes.size()),
                   "24 bytes for each chunk", "the file is damaged: get a fresh copy");
  }
  const std::size_t count = bytes.size() / (kRows * kWord);
  core::Array index(core::DType::u64, 1, {1, kRows, static_cast<std::int64_t>(count)});
  const std::span<std::uint64_t> rows = index.values<std::uint64_t>();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = word_at(bytes, i);
  }
  for (std::size_t i = 0; i < count; ++i) {  // unsigned: sums of a damaged file wrap, then fail
    const bool is_first = i == 0;
    rows[i] += is_first ? 0 : rows[i - 1];
    rows[count + i] += is_first ? table : rows[count + i - 1] + rows[2 * count + i - 1];
  }
  return index;
}

std::optional<std::vector<std::byte>> PrecomputedShards::read(std::uint64_t chunk,
                                                              std::size_t limit) const {
  const ShardPlace place = place_in_shards(sharding_, chunk);
  const fs::path path = folder_ / shard_file_name(sharding_, place.shard);
  if (!is_present(path)) {
    return std::nullopt;
  }
  const auto key =
      static_cast<std::int64_t>(place.shard << sharding_.minishard_bits | place.minishard);
  const auto index = indices_.get(key, [&] { return load_index(path, place.minishard); });
  const auto rows = index->values<std::uint64_t>();
  const std::size_t count = rows.size() / kRows;
  const auto numbers = rows.first(count);
  const auto found = std::find(numbers.begin(), numbers.end(), chunk);
  if (found == numbers.end()) {
    return std::nullopt;
  }
  const auto i = static_cast<std::size_t>(found - numbers.begin());
  const PositionedFile file(path);
  return unpacked(
      file, read_range(file, rows[count + i], rows[2 * count + i], most_packed(limit), "a chunk"),
      sharding_.data, limit);
}

}  // namespace retina::store
