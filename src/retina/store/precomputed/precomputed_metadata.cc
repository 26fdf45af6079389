#include "retina/store/precomputed/precomputed_metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/options.h"

namespace retina::store {

namespace {

constexpr std::int64_t kMostSide = std::int64_t{1} << 40;
constexpr std::int64_t kMostChunkBytes = std::int64_t{2} << 30;
constexpr int kMostChannels = 65536;
constexpr const char* kShardedType = "neuroglancer_uint64_sharded_v1";
/// Not part of the format, whose readers pass over members they do not know.
constexpr const char* kUnknownVoxelSize = "voxel_size_unknown";

constexpr std::array<std::pair<std::string_view, PrecomputedEncoding>, 4> kEncodings{
    {{"raw", PrecomputedEncoding::raw},
     {"compressed_segmentation", PrecomputedEncoding::compressed_segmentation},
     {"jpeg", PrecomputedEncoding::jpeg},
     {"png", PrecomputedEncoding::png}}};

Error bad_info(const std::string& subject, const std::string& found, const std::string& expected) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = subject,
                       .found = found,
                       .expected = expected,
                       .remedy = "the metadata are damaged or of a kind that is not read: get a "
                                 "fresh copy, or write the volume again"});
}

/// Three whole numbers x, y, z of the file as z, y, x.
core::Vec3 parse_sizes(const Json& json, const char* name, std::int64_t least) {
  core::Vec3 out{};
  for (std::size_t i = 0; i < 3; ++i) {
    const bool is_whole = json.is_array() && json.size() == 3 && json[i].is_number_integer();
    const auto size = is_whole ? core::whole_number_in<std::int64_t>(json[i]) : std::nullopt;
    if (!size || *size < least || *size > kMostSide) {
      throw bad_info(name, json.dump(), fmt::format("3 whole numbers from {} on", least));
    }
    out[2 - i] = *size;
  }
  return out;
}

core::Vec3d parse_resolution(const Json& json) {
  core::Vec3d out{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!json.is_array() || json.size() != 3 || !json[i].is_number() ||
        !(json[i].get<double>() > 0) || !std::isfinite(json[i].get<double>())) {
      throw bad_info("resolution", json.dump(), "3 positive numbers, nanometres");
    }
    out[2 - i] = json[i].get<double>();
  }
  return out;
}

core::DType parse_value_type(const Json& json) {
  const std::string name = json.get<std::string>();
  for (int i = 0; i <= static_cast<int>(core::DType::f64); ++i) {
    if (name == core::name_of(static_cast<core::DType>(i))) {
      return static_cast<core::DType>(i);
    }
  }
  throw bad_info("data_type", name, "(u)int8 to (u)int64 or float32");
}

/// The encoding, if the volume's values can be in it.
PrecomputedEncoding parse_encoding(const Json& json, const PrecomputedInfo& info) {
  const std::string name = json.get<std::string>();
  const auto found = std::find_if(kEncodings.begin(), kEncodings.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (found == kEncodings.end()) {
    throw bad_info("encoding", name, "raw, compressed_segmentation, jpeg or png");
  }
  using core::DType;
  const bool is_byte = info.dtype == DType::u8;
  const bool is_picture = info.channels == 1 || info.channels == 3;
  const bool fits = found->second == PrecomputedEncoding::raw ||
                    (found->second == PrecomputedEncoding::compressed_segmentation &&
                     (info.dtype == DType::u32 || info.dtype == DType::u64)) ||
                    (found->second == PrecomputedEncoding::jpeg && is_byte && is_picture) ||
                    (found->second == PrecomputedEncoding::png &&
                     (is_byte || info.dtype == DType::u16) && is_picture);
  if (!fits) {
    throw bad_info(
        "encoding",
        fmt::format("{} for {} channel(s) of {}", name, info.channels, core::name_of(info.dtype)),
        "uint32 or uint64 for compressed_segmentation, 1 or 3 channels of uint8 for "
        "jpeg, also uint16 for png");
  }
  return found->second;
}

int parse_bits(const Json& json, const char* name) {
  const auto bits = core::whole_number_in<int>(json.at(name));
  if (!bits || *bits < 0 || *bits > 64) {
    throw bad_info(name, json.at(name).dump(), "0 to 64");
  }
  return *bits;
}

PrecomputedSharding::Encoding parse_shard_encoding(const Json& json, const char* name) {
  const std::string encoding = json.value(name, "raw");
  if (encoding != "raw" && encoding != "gzip") {
    throw bad_info(name, encoding, "raw or gzip");
  }
  return encoding == "gzip" ? PrecomputedSharding::Encoding::gzip
                            : PrecomputedSharding::Encoding::raw;
}

PrecomputedSharding parse_sharding(const Json& json) {
  const std::string type = json.at("@type").get<std::string>();
  const std::string hash = json.at("hash").get<std::string>();
  if (type != kShardedType || (hash != "identity" && hash != "murmurhash3_x86_128")) {
    throw bad_info("sharding", fmt::format("{} with hash {}", type, hash),
                   fmt::format("{} with hash identity or murmurhash3_x86_128", kShardedType));
  }
  PrecomputedSharding out;
  out.preshift_bits = parse_bits(json, "preshift_bits");
  out.minishard_bits = parse_bits(json, "minishard_bits");
  out.shard_bits = parse_bits(json, "shard_bits");
  if (out.minishard_bits > 40 || out.minishard_bits + out.shard_bits > 64) {
    throw bad_info(
        "sharding",
        fmt::format("{} minishard bits and {} shard bits", out.minishard_bits, out.shard_bits),
        "at most 40 minishard bits, 64 bits together");
  }
  out.hash = hash == "identity" ? PrecomputedSharding::Hash::identity
                                : PrecomputedSharding::Hash::murmurhash3_x86_128;
  out.index = parse_shard_encoding(json, "minishard_index_encoding");
  out.data = parse_shard_encoding(json, "data_encoding");
  return out;
}

void require_sane_chunks(const PrecomputedScale& scale, const PrecomputedInfo& info) {
  auto bytes = static_cast<std::int64_t>(core::size_of(info.dtype)) * info.channels;
  for (const std::int64_t side : scale.chunk) {
    if (side > kMostChunkBytes / bytes) {
      throw bad_info("chunk_sizes", core::to_string(scale.chunk), "chunks of 2 GiB or less");
    }
    bytes *= side;
  }
  int bits = 0;
  for (const std::int64_t side : chunk_grid(scale)) {
    bits += static_cast<int>(std::bit_width(static_cast<std::uint64_t>(side - 1)));
  }
  if (bits > 62) {
    throw bad_info("size", core::to_string(scale.shape), "fewer than 2^62 chunks");
  }
  const core::Vec3& block = scale.block;
  if (block[0] > 1024 || block[1] > 1024 || block[2] > 1024) {
    throw bad_info("compressed_segmentation_block_size", core::to_string(block),
                   "blocks of up to 1024 voxels a side");
  }
}

PrecomputedScale parse_scale(const Json& json, const PrecomputedInfo& info) {
  PrecomputedScale out;
  out.key = json.at("key").get<std::string>();
  if (out.key.empty() || out.key.front() == '/') {
    throw bad_info("key", fmt::format("'{}'", out.key), "a folder below the volume");
  }
  out.shape = parse_sizes(json.at("size"), "size", 1);
  if (json.contains("voxel_offset")) {
    out.start = parse_sizes(json.at("voxel_offset"), "voxel_offset", -kMostSide);
  }
  out.voxel_nm = parse_resolution(json.at("resolution"));
  out.chunk = parse_sizes(json.at("chunk_sizes").at(0), "chunk_sizes", 1);
  out.encoding = parse_encoding(json.at("encoding"), info);
  if (out.encoding == PrecomputedEncoding::compressed_segmentation) {
    out.block = parse_sizes(json.at("compressed_segmentation_block_size"),
                            "compressed_segmentation_block_size", 1);
  }
  if (json.contains("sharding") && !json.at("sharding").is_null()) {
    out.sharding = parse_sharding(json.at("sharding"));
  }
  require_sane_chunks(out, info);
  return out;
}

PrecomputedInfo parse_info(const Json& json) {
  PrecomputedInfo out;
  const std::string type = json.value("@type", "neuroglancer_multiscale_volume");
  if (type != "neuroglancer_multiscale_volume") {
    throw bad_info("info", type, "a volume (neuroglancer_multiscale_volume)");
  }
  out.dtype = parse_value_type(json.at("data_type"));
  const auto channels = core::whole_number_in<int>(json.at("num_channels"));
  if (!channels || *channels < 1 || *channels > kMostChannels) {
    throw bad_info("num_channels", json.at("num_channels").dump(), "1 to 65536");
  }
  out.channels = *channels;
  out.is_labels = json.value("type", "image") == "segmentation";
  out.is_voxel_size_known = !json.value(kUnknownVoxelSize, false);
  for (const Json& scale : json.at("scales")) {
    out.scales.push_back(parse_scale(scale, out));
  }
  if (out.scales.empty()) {
    throw bad_info("scales", "none", "one scale or more");
  }
  return out;
}

template <class V>
Json xyz(const V& zyx) {
  return {zyx[2], zyx[1], zyx[0]};
}

}  // namespace

core::Vec3 chunk_grid(const PrecomputedScale& scale) {
  core::Vec3 grid{};
  for (std::size_t i = 0; i < 3; ++i) {
    grid[i] = (scale.shape[i] + scale.chunk[i] - 1) / scale.chunk[i];
  }
  return grid;
}

PrecomputedInfo parse_precomputed(const Json& json) {
  try {
    return parse_info(json);
  } catch (const Json::exception& error) {
    throw bad_info("info", error.what(), "the metadata of a Neuroglancer precomputed volume");
  }
}

Json to_json(const PrecomputedInfo& info) {
  Json scales = Json::array();
  for (const PrecomputedScale& scale : info.scales) {
    const auto encoding =
        std::find_if(kEncodings.begin(), kEncodings.end(),
                     [&](const auto& entry) { return entry.second == scale.encoding; });
    scales.push_back({{"key", scale.key},
                      {"size", xyz(scale.shape)},
                      {"voxel_offset", xyz(scale.start)},
                      {"resolution", xyz(scale.voxel_nm)},
                      {"chunk_sizes", Json::array({xyz(scale.chunk)})},
                      {"encoding", encoding->first}});
    if (scale.encoding == PrecomputedEncoding::compressed_segmentation) {
      scales.back()["compressed_segmentation_block_size"] = xyz(scale.block);
    }
  }
  Json json = {{"@type", "neuroglancer_multiscale_volume"},
               {"type", info.is_labels ? "segmentation" : "image"},
               {"data_type", core::name_of(info.dtype)},
               {"num_channels", info.channels},
               {"scales", scales}};
  if (!info.is_voxel_size_known) {
    json[kUnknownVoxelSize] = true;
  }
  return json;
}

}  // namespace retina::store
