#include "retina/store/zarr/metadata_fields.h"

#include <cstring>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "retina/core/options.h"

namespace retina::store {

namespace {

constexpr std::int64_t kMaxChunkBytes = std::int64_t{2} << 30;
constexpr std::int64_t kMaxChunksPerShard = std::int64_t{1} << 22;
constexpr std::int64_t kMaxSide = std::int64_t{1} << 40;
constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 59;
constexpr std::size_t kMaxRank = 5;

template <class T>
T from_bits(const std::string& hex) {
  T value{};
  std::uint64_t bits = 0;
  std::size_t read = 0;
  try {
    bits = std::stoull(hex, &read, 16);
  } catch (const std::exception&) {
    read = 0;
  }
  constexpr std::uint64_t kMostBits =
      std::numeric_limits<std::uint64_t>::max() >> (8 * (sizeof bits - sizeof(T)));
  if (read != hex.size() || bits > kMostBits) {
    throw bad_field("fill_value", hex, "the bytes of one value in hexadecimal", kDamagedMetadata);
  }
  std::memcpy(&value, &bits, sizeof value);  // little endian, as all of this project's machines
  return value;
}

template <class T>
T parse_float(const Json& json) {
  if (json.is_number()) {
    return json.get<T>();
  }
  const std::string name = json.is_string() ? json.get<std::string>() : "";
  if (name == "NaN") {
    return std::numeric_limits<T>::quiet_NaN();
  }
  if (name == "Infinity" || name == "-Infinity") {
    return name[0] == '-' ? -std::numeric_limits<T>::infinity()
                          : std::numeric_limits<T>::infinity();
  }
  if (name.starts_with("0x")) {
    return from_bits<T>(name);
  }
  throw bad_field("fill_value", json.dump(), "a number", "write the array again with fill value 0");
}

template <class T>
T parse_integer(const Json& json) {
  if (const std::optional<T> number = core::whole_number_in<T>(json)) {
    return *number;
  }
  throw bad_field("fill_value", json.dump(),
                  fmt::format("a whole number from {} to {}", std::numeric_limits<T>::min(),
                              std::numeric_limits<T>::max()),
                  "write the array again with fill value 0");
}

}  // namespace

Error bad_field(const std::string& field, const std::string& found, const std::string& expected,
                const std::string& remedy) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = field, .found = found, .expected = expected, .remedy = remedy});
}

Sides parse_shape(const Json& json, const char* field) {
  if (!json.is_array() || json.size() < 2 || json.size() > kMaxRank) {
    throw bad_field(field, json.dump(), fmt::format("2 to {} dimensions", kMaxRank),
                    "pick one image out of the array");
  }
  return parse_sides(json, field, json.size());
}

Sides parse_sides(const Json& json, const char* field, std::size_t rank) {
  if (!json.is_array() || json.size() != rank) {
    throw bad_field(field, json.dump(), fmt::format("{} dimensions", rank), kDamagedMetadata);
  }
  Sides sides;
  for (const Json& side : json) {
    if (!side.is_number_integer() || side.get<std::int64_t>() < 1 ||
        side.get<std::int64_t>() > kMaxSide) {
      throw bad_field(field, json.dump(), "whole numbers, 1 or more", kDamagedMetadata);
    }
    sides.push_back(side.get<std::int64_t>());
  }
  return sides;
}

std::vector<std::byte> parse_fill_value(const Json& json, core::DType dtype) {
  return core::dispatch(dtype, [&](auto value) {
    using T = decltype(value);
    if (json.is_boolean()) {
      value = static_cast<T>(json.get<bool>() ? 1 : 0);
    } else if (!json.is_null()) {
      if constexpr (std::is_floating_point_v<T>) {
        value = parse_float<T>(json);
      } else {
        value = parse_integer<T>(json);
      }
    }
    std::vector<std::byte> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  });
}

void require_sane_grid(const ZarrMetadata& metadata) {
  std::int64_t bytes = static_cast<std::int64_t>(core::size_of(metadata.dtype));
  std::int64_t chunks = 1;
  std::int64_t voxels = 1;
  for (std::size_t i = 0; i < metadata.shape.size(); ++i) {
    if (metadata.chunk[i] > kMaxChunkBytes / bytes ||
        metadata.shard[i] / metadata.chunk[i] > kMaxChunksPerShard / chunks) {
      throw bad_field("chunk grid", "chunks beyond 2 GiB or shards beyond 4 million chunks",
                      "smaller chunks", "write the array again with smaller chunks");
    }
    bytes *= metadata.chunk[i];
    chunks *= metadata.shard[i] / metadata.chunk[i];
    if (metadata.shape[i] > kMaxVoxels / voxels) {
      throw bad_field("shape", "more voxels than can be addressed", "at most 2^59",
                      kDamagedMetadata);
    }
    voxels *= metadata.shape[i];
  }
}

}  // namespace retina::store
