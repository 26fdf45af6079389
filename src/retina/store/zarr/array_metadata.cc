#include "retina/store/zarr/array_metadata.h"

#include <cstring>

#include <fmt/format.h>

#include "retina/store/zarr/metadata_fields.h"

namespace retina::store {

namespace {

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
  throw bad_field("data_type", name, "bool, (u)int8 to (u)int64, float32 or float64",
                  "convert the array to one of these");
}

/// A list that is nothing but shards can be read chunk by chunk; of any other a whole file is the
/// unit that is decoded.
void parse_codecs(const Json& codecs, ZarrMetadata& out) {
  ChunkForm form{.dtype = out.dtype, .shape = out.shard, .fill = out.fill};
  if (!codecs.is_array() || codecs.size() != 1 || codec_name(codecs[0]) != "sharding_indexed") {
    out.codecs = CodecChain::parse(codecs, form);
    return;
  }
  Sharding sharding = parse_sharding(codec_configuration(codecs[0]), form);
  out.chunk = std::move(sharding.chunk);
  out.codecs = std::move(sharding.codecs);
  out.shard_index = std::move(sharding.index);
}

void parse_keys(const Json& json, ZarrMetadata& out) {
  const Json encoding = json.value("chunk_key_encoding", Json("default"));
  const std::string name = codec_name(encoding);
  out.has_key_prefix = name == "default";
  const std::string separator =
      codec_configuration(encoding).value("separator", out.has_key_prefix ? "/" : ".");
  if ((name != "default" && name != "v2") || (separator != "/" && separator != ".")) {
    throw bad_field("chunk_key_encoding", encoding.dump(), "\"default\" or \"v2\" with / or .",
                    "write the array again with the default encoding");
  }
  out.separator = separator[0];
}

ZarrMetadata parse_checked(const Json& json) {
  ZarrMetadata out;
  out.shape = parse_shape(json.at("shape"), "shape");
  out.dtype = parse_dtype(json.at("data_type"));
  if (json.at("chunk_grid").at("name") != "regular") {
    throw bad_field("chunk_grid", json.at("chunk_grid").dump(), "a regular grid",
                    "write the array again with a regular grid");
  }
  if (!json.value("storage_transformers", Json::array()).empty()) {
    throw bad_field("storage_transformers", json.at("storage_transformers").dump(), "none",
                    "write the array again without them");
  }
  out.shard = parse_sides(json.at("chunk_grid").at("configuration").at("chunk_shape"),
                          "chunk_shape", out.shape.size());
  out.chunk = out.shard;
  out.fill = parse_fill_value(json.at("fill_value"), out.dtype);
  parse_codecs(json.at("codecs"), out);
  require_sane_grid(out);
  parse_keys(json, out);
  const Json names = json.value("dimension_names", Json());
  for (const Json& name : names.is_array() ? names : Json::array()) {
    out.dimension_names.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  return out;
}

/// NaN and infinities have no numbers in JSON.
Json fill_json(const ZarrMetadata& metadata) {
  return core::dispatch(metadata.dtype, [&](auto value) -> Json {
    std::memcpy(&value, metadata.fill.data(), sizeof value);
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      if (value != value) {
        return "NaN";
      }
      if (value - value != 0) {
        return value > 0 ? "Infinity" : "-Infinity";
      }
    }
    return value;
  });
}

Json to_json_v3(const ZarrMetadata& metadata) {
  Json codecs = metadata.codecs.to_json();
  if (metadata.shard_index) {
    codecs = Json::array({sharding_json({metadata.chunk, metadata.codecs, *metadata.shard_index})});
  }
  return {
      {"zarr_format", 3},
      {"node_type", "array"},
      {"shape", metadata.shape},
      {"data_type", core::name_of(metadata.dtype)},
      {"chunk_grid", {{"name", "regular"}, {"configuration", {{"chunk_shape", metadata.shard}}}}},
      {"chunk_key_encoding",
       {{"name", metadata.has_key_prefix ? "default" : "v2"},
        {"configuration", {{"separator", std::string(1, metadata.separator)}}}}},
      {"fill_value", fill_json(metadata)},
      {"codecs", codecs},
      {"attributes", Json::object()},
      {"dimension_names", metadata.dimension_names},
      {"storage_transformers", Json::array()}};
}

std::string dtype_name_v2(core::DType dtype) {
  const std::size_t size = core::size_of(dtype);
  const std::string_view name = core::name_of(dtype);
  return fmt::format("{}{}{}", size == 1 ? '|' : '<', name.front(), size);
}

Json to_json_v2(const ZarrMetadata& metadata) {
  return {{"zarr_format", 2},
          {"shape", metadata.shape},
          {"chunks", metadata.chunk},
          {"dtype", dtype_name_v2(metadata.dtype)},
          {"compressor", metadata.codecs.to_json_v2()},
          {"fill_value", fill_json(metadata)},
          {"order", "C"},
          {"filters", nullptr},
          {"dimension_separator", std::string(1, metadata.separator)}};
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
  return static_cast<std::size_t>(count_of(chunk)) * core::size_of(dtype);
}

ZarrMetadata parse_array_metadata(const Json& json) {
  try {
    return parse_checked(json);
  } catch (const Json::exception& error) {
    throw bad_field("array metadata", error.what(), "zarr v3 array metadata", kDamagedMetadata);
  }
}

Json to_json(const ZarrMetadata& metadata) {
  return metadata.format == ZarrFormat::v3 ? to_json_v3(metadata) : to_json_v2(metadata);
}

}  // namespace retina::store
