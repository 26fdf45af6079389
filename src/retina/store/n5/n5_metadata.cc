#include "retina/store/n5/n5_metadata.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/store/units.h"
#include "retina/store/voxel_size.h"
#include "retina/store/zarr/metadata_fields.h"

namespace retina::store {

namespace {

using Kind = CompressionStep::Kind;

CompressionStep compression_of(const std::string& type, const Json& settings) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 8> kKnown{
      {{"gzip", Kind::gzip},
       {"zlib", Kind::zlib},
       {"bzip2", Kind::bz2},
       {"xz", Kind::xz},
       {"lz4", Kind::lz4_blocks},
       {"blosc", Kind::blosc},
       {"zstd", Kind::zstd},
       {"zstandard", Kind::zstd}}};
  for (const auto& [name, kind] : kKnown) {
    if (type == name) {
      return {.kind = kind};
    }
  }
  throw bad_field("compression", settings.dump(), "raw, gzip, bzip2, xz, lz4, blosc or zstd",
                  "write the dataset again with gzip");
}

std::optional<CompressionStep> parse_compression(const Json& attributes) {
  // version 1 of the format had nothing but the name
  const Json compression = attributes.contains("compression")
                               ? attributes["compression"]
                               : attributes.value("compressionType", Json());
  const std::string type = compression.is_object() ? compression.at("type").get<std::string>()
                                                   : compression.get<std::string>();
  if (type == "raw") {
    return std::nullopt;
  }
  return compression_of(type, compression);
}

template <class T>
std::vector<T> reversed(std::vector<T> values) {
  std::reverse(values.begin(), values.end());
  return values;
}

/// Three numbers in the order given; empty if the attribute is something else.
std::optional<core::Vec3d> three_numbers(const Json& json, std::size_t rank) {
  if (!json.is_array() || json.size() != 3 || rank < 3 ||
      !std::all_of(json.begin(), json.end(), [](const Json& n) { return n.is_number(); })) {
    return std::nullopt;
  }
  return core::Vec3d{json[0].get<double>(), json[1].get<double>(), json[2].get<double>()};
}

bool are_positive(const core::Vec3d& sides) {
  return std::all_of(sides.begin(), sides.end(), [](double side) { return side > 0; });
}

/// Nanometres of a unit, the same for all axes; empty if it is none.
std::optional<double> unit_of(const Json& unit) {
  if (unit.is_string()) {
    return nanometres_per(unit.get<std::string>());
  }
  if (!unit.is_array() || unit.empty() || !unit[0].is_string() ||
      std::any_of(unit.begin(), unit.end(), [&](const Json& other) { return other != unit[0]; })) {
    return std::nullopt;
  }
  return nanometres_per(unit[0].get<std::string>());
}

core::Vec3d in_nm(const core::Vec3d& values, double unit) {
  core::Vec3d out{};
  for (std::size_t i = 0; i < 3; ++i) {
    out[i] = round_significant(values[i] * unit, 15);
  }
  return out;
}

core::Vec3d turned(const core::Vec3d& xyz) {
  return {xyz[2], xyz[1], xyz[0]};
}

/// What a list of sides holds instead of three positive numbers.
std::string sides_text(const Json& sides, std::size_t rank) {
  return fmt::format("{} for {} dimensions", sides.dump(), rank);
}

/// "transform": axes, scale, translate and units, each in the order of its axes.
bool parse_transform(const Json& transform, std::size_t rank, N5Scale& out) {
  if (transform.is_null()) {
    return false;
  }
  if (!transform.is_object() || !transform.contains("axes") || !transform["axes"].is_array() ||
      transform["axes"].size() != rank) {
    out.notes.push_back(
        unusable_voxel_size("transform", fmt::format("no axes for {} dimensions", rank)));
    return false;
  }
  const auto names = transform["axes"].get<std::vector<std::string>>();
  const Json units = transform.value("units", Json::array());
  core::Vec3d voxel{0, 0, 0};
  core::Vec3d offset{0, 0, 0};
  std::string axes;
  for (std::size_t i = 0; i < rank; ++i) {
    axes += names[i].size() == 1 ? names[i] : "?";
    const std::size_t at = std::string_view("zyx").find(axes.back());
    if (at == std::string_view::npos) {
      continue;
    }
    const auto unit = i < units.size() ? unit_of(units[i]) : std::nullopt;
    if (!unit) {
      out.notes.push_back(unusable_voxel_size("transform", "no unit of length"));
      return false;
    }
    voxel[at] = round_significant(transform.at("scale").at(i).get<double>() * *unit, 15);
    offset[at] = round_significant(transform.at("translate").at(i).get<double>() * *unit, 15);
  }
  // "ordering" C, the default, lists the slowest axis first
  out.axes =
      transform.value("ordering", "C") == "F" ? std::string(axes.rbegin(), axes.rend()) : axes;
  if (are_positive(voxel)) {
    out.voxel_nm = voxel;
    out.offset_nm = offset;
    out.source = "N5 transform";
    out.is_of_level = true;
  } else {
    out.notes.push_back(unusable_voxel_size("transform", "a scale that is not positive"));
  }
  return true;
}

/// "axes", a name for each dimension in the order of "dimensions"; only where x comes first, which
/// shows that this order is meant.
std::string parse_axes_attribute(const Json& axes, std::size_t rank) {
  std::string out;
  for (const Json& axis : axes.is_array() ? axes : Json::array()) {
    const std::string name = axis.is_string() ? axis.get<std::string>() : "";
    out += name.size() == 1 ? name : "?";
  }
  const bool is_known = out.size() == rank && out.starts_with('x') &&
                        out.find_first_not_of("xyzct") == std::string::npos;
  return is_known ? std::string(out.rbegin(), out.rend()) : "";
}

bool parse_pixel_resolution(const Json& attribute, std::size_t rank, N5Scale& out) {
  if (attribute.is_null()) {
    return false;
  }
  const Json& sides = attribute.is_object() ? attribute.value("dimensions", Json()) : attribute;
  const auto xyz = three_numbers(sides, rank);
  if (!xyz || !are_positive(*xyz)) {
    out.notes.push_back(unusable_voxel_size("pixelResolution", sides_text(sides, rank)));
    return false;
  }
  const auto unit = unit_of(attribute.is_object() ? attribute.value("unit", Json()) : Json());
  if (!unit) {
    out.notes.push_back(unusable_voxel_size("pixelResolution", "no unit of length"));
    return false;
  }
  out.voxel_nm = in_nm(turned(*xyz), *unit);
  out.source = "N5 pixelResolution";
  return true;
}

void parse_resolution(const Json& attributes, std::size_t rank, N5Scale& out) {
  const Json resolution = attributes.value("resolution", Json());
  if (resolution.is_null()) {
    return;
  }
  const auto given = three_numbers(resolution, rank);
  if (!given || !are_positive(*given)) {
    out.notes.push_back(unusable_voxel_size("resolution", sides_text(resolution, rank)));
    return;
  }
  const Json units = attributes.value("units", attributes.value("unit", Json()));
  const auto unit = units.is_null() ? std::optional(1.0) : unit_of(units);
  if (!unit) {
    out.notes.push_back(
        unusable_voxel_size("resolution", fmt::format("in {}, no unit of length", units.dump())));
    return;
  }
  if (units.is_null()) {
    out.notes.emplace_back("resolution has no unit: taken as nanometres");
  }
  const Json stated_offset = attributes.value("offset", Json());
  const auto offset = three_numbers(stated_offset, rank);
  if (!offset && !stated_offset.is_null()) {
    out.notes.push_back(unusable_offset("offset", sides_text(stated_offset, rank)));
  }
  const bool is_zyx = (*given)[1] == (*given)[2] && (*given)[0] != (*given)[1];
  const bool is_xyz = (*given)[0] == (*given)[1] && (*given)[1] != (*given)[2];
  const bool needs_order = (*given)[0] != (*given)[2] || (offset && (*offset)[0] != (*offset)[2]);
  out.voxel_nm = in_nm(is_zyx ? *given : turned(*given), *unit);
  if (offset) {
    out.offset_nm = in_nm(is_zyx ? *offset : turned(*offset), *unit);
  }
  out.source = is_zyx ? "N5 resolution (z, y, x)" : "N5 resolution (x, y, z)";
  if (needs_order) {
    out.notes.push_back(
        fmt::format("the order of resolution and offset is not stated: read as {} {}",
                    is_zyx ? "z, y, x" : "x, y, z",
                    is_zyx || is_xyz ? "because two sides are equal"
                                     : "(--voxel-size-nm z,y,x says otherwise)"));
  }
}

}  // namespace

std::size_t N5Metadata::block_bytes() const {
  return static_cast<std::size_t>(count_of(block)) * core::size_of(dtype);
}

bool is_n5_dataset(const Json& attributes) {
  return attributes.is_object() && attributes.contains("dimensions") &&
         attributes.contains("blockSize") && attributes.contains("dataType");
}

N5Metadata parse_n5_metadata(const Json& attributes) {
  try {
    ZarrMetadata grid;  // checked as a zarr array's
    grid.dtype = core::dtype_from_name(attributes.at("dataType").get<std::string>());
    grid.shape = reversed(parse_shape(attributes.at("dimensions"), "dimensions"));
    grid.chunk = reversed(parse_sides(attributes.at("blockSize"), "blockSize", grid.shape.size()));
    grid.shard = grid.chunk;
    require_sane_grid(grid);
    return {.dtype = grid.dtype,
            .shape = grid.shape,
            .block = grid.chunk,
            .compression = parse_compression(attributes)};
  } catch (const Json::exception& error) {
    throw bad_field("attributes", error.what(), "those of an N5 dataset", kDamagedMetadata);
  }
}

N5Scale parse_n5_scale(const Json& attributes, std::size_t rank) {
  N5Scale out;
  try {
    out.axes = parse_axes_attribute(attributes.value("axes", Json()), rank);
    if (!parse_transform(attributes.value("transform", Json()), rank, out) &&
        !parse_pixel_resolution(attributes.value("pixelResolution", Json()), rank, out)) {
      parse_resolution(attributes, rank, out);
    }
  } catch (const Json::exception& error) {
    throw bad_field("attributes", error.what(), "numbers and units that fit the axes",
                    kDamagedMetadata);
  }
  return out;
}

core::Vec3d parse_n5_factors(const Json& dataset, const Json& group, std::size_t level) {
  Json factors = dataset.value("downsamplingFactors", Json());
  const Json scales = group.value("scales", Json());
  if (!factors.is_array() && scales.is_array() && level < scales.size()) {
    factors = scales[level];
  }
  const auto xyz = three_numbers(factors, 3);
  return xyz && are_positive(*xyz) ? turned(*xyz) : core::Vec3d{1, 1, 1};
}

}  // namespace retina::store
