#include "retina/store/zarr/array_metadata.h"

#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

constexpr std::int64_t kMaxChunkBytes = std::int64_t{2} << 30;
constexpr std::int64_t kMaxChunksPerShard = std::int64_t{1} << 22;
constexpr std::int64_t kMaxSide = std::int64_t{1} << 40;
constexpr std::size_t kMaxRank = 5;

Error bad(const std::string& subject, const std::string& found, const std::string& expected,
          const std::string& remedy) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = subject, .found = found, .expected = expected, .remedy = remedy});
}

constexpr const char* kDamaged = "the metadata are damaged: get a fresh copy";

core::DType parse_dtype(const Json& json) {
  const std::string name = json.is_string() ? json.get<std::string>() : json.dump();
  if (name == "bool") {
    return core::DType::u8;
  }
  for (int i = 0; i <= static_cast<int>(core::DType::f64); ++i) {
    if (name == core::name_of(static_cast<core::DType>(i))) {
      return static_cast<core::DType>(i);
    }
  }
  throw bad("data_type", name, "(u)int8 to (u)int64, float32 or float64",
            "convert the array to one of these");
}

std::vector<std::int64_t> parse_sides(const Json& json, const char* name, std::size_t rank) {
  std::vector<std::int64_t> sides;
  for (const Json& side : json) {
    if (!side.is_number_integer() || side.get<std::int64_t>() < 1 ||
        side.get<std::int64_t>() > kMaxSide) {
      throw bad(name, json.dump(), "whole numbers, 1 or more", kDamaged);
    }
    sides.push_back(side.get<std::int64_t>());
  }
  if (sides.size() != rank) {
    throw bad(name, json.dump(), fmt::format("{} dimensions", rank), kDamaged);
  }
  return sides;
}

template <class T>
T parse_fill(const Json& json) {
  if (json.is_boolean()) {
    return static_cast<T>(json.get<bool>() ? 1 : 0);
  }
  if (json.is_number()) {
    return json.get<T>();
  }
  if constexpr (std::numeric_limits<T>::has_infinity) {
    const std::string name = json.is_string() ? json.get<std::string>() : "";
    if (name == "NaN") {
      return std::numeric_limits<T>::quiet_NaN();
    }
    if (name == "Infinity" || name == "-Infinity") {
      return name[0] == '-' ? -std::numeric_limits<T>::infinity()
                            : std::numeric_limits<T>::infinity();
    }
  }
  throw bad("fill_value", json.dump(), "a number", "write the array again with fill value 0");
}

std::vector<std::byte> fill_bytes(const Json& json, core::DType dtype) {
  return core::dispatch(dtype, [&](auto zero) {
    const auto value = parse_fill<decltype(zero)>(json);
    std::vector<std::byte> bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  });
}

void parse_codecs(const Json& codecs, ZarrMetadata& out) {
  if (codecs.size() != 1 || codecs[0].value("name", "") != "sharding_indexed") {
    out.codecs = CodecChain::parse(codecs, out.dtype);
    out.chunk = out.shard;
    return;
  }
  const Json& sharding = codecs[0].at("configuration");
  out.is_sharded = true;
  out.chunk =
      parse_sides(sharding.at("chunk_shape"), "chunk_shape of the shards", out.shape.size());
  out.codecs = CodecChain::parse(sharding.at("codecs"), out.dtype);
  out.index_codecs = CodecChain::parse(sharding.at("index_codecs"), core::DType::u64);
  out.is_index_at_end = sharding.value("index_location", "end") == "end";
}

void parse_keys(const Json& json, ZarrMetadata& out) {
  const Json encoding = json.value("chunk_key_encoding", Json::object());
  const std::string name = encoding.value("name", "default");
  out.has_key_prefix = name == "default";
  const std::string separator = encoding.value("configuration", Json::object())
                                    .value("separator", out.has_key_prefix ? "/" : ".");
  if ((name != "default" && name != "v2") || (separator != "/" && separator != ".")) {
    throw bad("chunk_key_encoding", encoding.dump(), "\"default\" or \"v2\" with / or .",
              "write the array again with the default encoding");
  }
  out.separator = separator[0];
}

void require_sane_grid(const ZarrMetadata& metadata) {
  std::int64_t bytes = static_cast<std::int64_t>(core::size_of(metadata.dtype));
  std::int64_t chunks = 1;
  for (std::size_t i = 0; i < metadata.shape.size(); ++i) {
    if (metadata.shard[i] % metadata.chunk[i] != 0) {
      throw bad("chunk grid",
                fmt::format("shards of {} and chunks of {} along dimension {}", metadata.shard[i],
                            metadata.chunk[i], i),
                "shards that are multiples of chunks", kDamaged);
    }
    if (metadata.chunk[i] > kMaxChunkBytes / bytes ||
        metadata.shard[i] / metadata.chunk[i] > kMaxChunksPerShard / chunks) {
      throw bad("chunk grid", "chunks beyond 2 GiB or shards beyond 4 million chunks",
                "smaller chunks", "write the array again with smaller chunks");
    }
    bytes *= metadata.chunk[i];
    chunks *= metadata.shard[i] / metadata.chunk[i];
  }
}

ZarrMetadata parse_checked(const Json& json) {
  ZarrMetadata out;
  const Json& shape = json.at("shape");
  if (!shape.is_array() || shape.size() < 2 || shape.size() > kMaxRank) {
    throw bad("shape", shape.dump(), "2 to 5 dimensions", "pick one image out of the array");
  }
  out.dtype = parse_dtype(json.at("data_type"));
  out.shape = parse_sides(shape, "shape", shape.size());
  if (json.at("chunk_grid").at("name") != "regular") {
    throw bad("chunk_grid", json.at("chunk_grid").dump(), "a regular grid",
              "write the array again with a regular grid");
  }
  out.shard = parse_sides(json.at("chunk_grid").at("configuration").at("chunk_shape"),
                          "chunk_shape", shape.size());
  parse_codecs(json.at("codecs"), out);
  parse_keys(json, out);
  out.fill = fill_bytes(json.at("fill_value"), out.dtype);
  for (const Json& name : json.value("dimension_names", Json::array())) {
    out.dimension_names.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  require_sane_grid(out);
  return out;
}

}  // namespace

std::int64_t ZarrMetadata::chunks_per_shard() const {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    count *= shard[i] / chunk[i];
  }
  return count;
}

std::size_t ZarrMetadata::chunk_bytes() const {
  std::size_t bytes = core::size_of(dtype);
  for (const std::int64_t side : chunk) {
    bytes *= static_cast<std::size_t>(side);
  }
  return bytes;
}

ZarrMetadata parse_array_metadata(const Json& json) {
  try {
    return parse_checked(json);
  } catch (const Json::exception& error) {
    throw bad("array metadata", error.what(), "zarr v3 array metadata", kDamaged);
  }
}

Json to_json(const ZarrMetadata& metadata) {
  Json codecs = metadata.codecs.to_json();
  if (metadata.is_sharded) {
    codecs = Json::array({{{"name", "sharding_indexed"},
                           {"configuration",
                            {{"chunk_shape", metadata.chunk},
                             {"codecs", codecs},
                             {"index_codecs", metadata.index_codecs.to_json()},
                             {"index_location", metadata.is_index_at_end ? "end" : "start"}}}}});
  }
  const Json fill = core::dispatch(metadata.dtype, [&](auto value) {
    std::memcpy(&value, metadata.fill.data(), sizeof value);
    return Json(value);
  });
  return {
      {"zarr_format", 3},
      {"node_type", "array"},
      {"shape", metadata.shape},
      {"data_type", core::name_of(metadata.dtype)},
      {"chunk_grid", {{"name", "regular"}, {"configuration", {{"chunk_shape", metadata.shard}}}}},
      {"chunk_key_encoding",
       {{"name", metadata.has_key_prefix ? "default" : "v2"},
        {"configuration", {{"separator", std::string(1, metadata.separator)}}}}},
      {"fill_value", fill},
      {"codecs", codecs},
      {"attributes", Json::object()},
      {"dimension_names", metadata.dimension_names},
      {"storage_transformers", Json::array()}};
}

}  // namespace retina::store
