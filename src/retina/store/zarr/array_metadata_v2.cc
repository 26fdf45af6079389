#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "retina/store/zarr/array_metadata.h"
#include "retina/store/zarr/metadata_fields.h"

namespace retina::store {

namespace {

struct TypeV2 {
  core::DType dtype = core::DType::u8;
  bool is_big_endian = false;
};

/// "<u2", "|u1", ">f4", "|b1": byte order, kind and bytes.
TypeV2 parse_type_v2(const Json& json) {
  const std::string text = json.is_string() ? json.get<std::string>() : json.dump();
  static constexpr std::array<std::pair<std::string_view, core::DType>, 11> kTypes{
      {{"u1", core::DType::u8},
       {"u2", core::DType::u16},
       {"u4", core::DType::u32},
       {"u8", core::DType::u64},
       {"i1", core::DType::i8},
       {"i2", core::DType::i16},
       {"i4", core::DType::i32},
       {"i8", core::DType::i64},
       {"f4", core::DType::f32},
       {"f8", core::DType::f64},
       {"b1", core::DType::u8}}};
  const bool has_order = !text.empty() && std::string_view("<>|=").find(text[0]) != text.npos;
  const std::string_view name = std::string_view(text).substr(has_order ? 1 : 0);
  for (const auto& [known, dtype] : kTypes) {
    if (name == known) {
      return {dtype, text[0] == '>'};
    }
  }
  throw bad_field("dtype", text, "b1, u1 to u8, i1 to i8, f4 or f8 with < or >",
                  "convert the array to one of these");
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes of one value in the array's byte order, as base64; empty if it is not that.
std::vector<std::byte> from_base64(const std::string& text, const TypeV2& type) {
  std::vector<std::byte> bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    const std::size_t value = kBase64.find(c);
    if (value == std::string_view::npos) {
      return {};
    }
    bits = (bits << 6U | static_cast<std::uint32_t>(value)) & 0xFFFFU;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> static_cast<unsigned>(count)));
    }
  }
  if (type.is_big_endian) {
    std::reverse(bytes.begin(), bytes.end());
  }
  return bytes.size() == core::size_of(type.dtype) ? bytes : std::vector<std::byte>{};
}

std::vector<std::byte> parse_fill_v2(const Json& json, const TypeV2& type) {
  const bool is_name = json == "NaN" || json == "Infinity" || json == "-Infinity";
  if (json.is_string() && !is_name) {
    if (auto bytes = from_base64(json.get<std::string>(), type); !bytes.empty()) {
      return bytes;
    }
  }
  return parse_fill_value(json, type.dtype);
}

void refuse_filters(const Json& filters) {
  if (filters.is_null() || (filters.is_array() && filters.empty())) {
    return;
  }
  std::string names;
  for (const Json& filter : filters) {
    names += (names.empty() ? "" : ", ") + filter.at("id").get<std::string>();
  }
  throw bad_field("filters", names, "none", "write the array again without filters");
}

bool parse_is_fortran(const Json& order) {
  if (order != "C" && order != "F") {
    throw bad_field("order", order.dump(), "\"C\" or \"F\"", kDamagedMetadata);
  }
  return order == "F";
}

char parse_separator(const Json& json) {
  if (json != "." && json != "/") {
    throw bad_field("dimension_separator", json.dump(), "\".\" or \"/\"", kDamagedMetadata);
  }
  return json.get<std::string>()[0];
}

ZarrMetadata parse_checked_v2(const Json& json, const Json& attributes) {
  ZarrMetadata out;
  out.format = ZarrFormat::v2;
  out.has_key_prefix = false;
  out.shape = parse_shape(json.at("shape"), "shape");
  out.chunk = parse_sides(json.at("chunks"), "chunks", out.shape.size());
  out.shard = out.chunk;
  const TypeV2 type = parse_type_v2(json.at("dtype"));
  out.dtype = type.dtype;
  out.fill = parse_fill_v2(json.value("fill_value", Json()), type);
  refuse_filters(json.value("filters", Json()));
  require_sane_grid(out);
  out.codecs =
      CodecChain::parse_v2({.compressor = json.value("compressor", Json()),
                            .is_big_endian = type.is_big_endian,
                            .is_fortran_order = parse_is_fortran(json.value("order", Json("C")))},
                           {.dtype = out.dtype, .shape = out.chunk, .fill = out.fill});
  out.separator = parse_separator(json.value("dimension_separator", Json(".")));
  const Json names =
      attributes.is_object() ? attributes.value("_ARRAY_DIMENSIONS", Json()) : Json();
  for (const Json& name : names.is_array() ? names : Json::array()) {
    out.dimension_names.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  return out;
}

}  // namespace

ZarrMetadata parse_array_metadata_v2(const Json& json, const Json& attributes) {
  try {
    return parse_checked_v2(json, attributes);
  } catch (const Json::exception& error) {
    throw bad_field("array metadata", error.what(), "zarr v2 array metadata", kDamagedMetadata);
  }
}

}  // namespace retina::store
