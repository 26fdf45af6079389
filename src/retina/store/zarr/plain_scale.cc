#include "retina/store/zarr/plain_scale.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

constexpr std::string_view kSpatial = "zyx";

/// One entry for each spatial axis; empty if the attribute is no list of that many.
std::vector<Json> spatial_entries(const Json& list, const std::string& axes) {
  std::string spatial;
  for (const char axis : axes) {
    spatial += kSpatial.find(axis) != std::string_view::npos ? std::string(1, axis) : "";
  }
  if (!list.is_array() || (list.size() != axes.size() && list.size() != spatial.size())) {
    return {};
  }
  std::vector<Json> entries;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const bool is_spatial =
        list.size() == spatial.size() || spatial.find(axes[i]) != std::string::npos;
    if (is_spatial) {
      entries.push_back(list[i]);
    }
  }
  return entries;
}

bool are_numbers(const std::vector<Json>& entries) {
  return !entries.empty() && std::all_of(entries.begin(), entries.end(),
                                         [](const Json& entry) { return entry.is_number(); });
}

/// Nanometres of the one unit that the array is in; empty if that is no unit of length.
std::optional<double> unit_nm(const Json& units, const std::string& axes) {
  if (units.is_string()) {
    return nanometres_per(units.get<std::string>());
  }
  const std::vector<Json> entries = spatial_entries(units, axes);
  const bool is_one = !entries.empty() && entries.front().is_string() &&
                      std::count(entries.begin(), entries.end(), entries.front()) ==
                          static_cast<std::ptrdiff_t>(entries.size());
  return is_one ? nanometres_per(entries.front().get<std::string>()) : std::nullopt;
}

/// Entries in the order of the spatial axes as z, y, x in nanometres; 0 for z of a plane.
core::Vec3d in_zyx(const std::vector<Json>& entries, const std::string& axes, double nm) {
  core::Vec3d out{0, 0, 0};
  std::size_t next = 0;
  for (const char axis : axes) {
    if (const std::size_t at = kSpatial.find(axis); at != std::string_view::npos) {
      out[at] = round_significant(entries[next++].get<double>() * nm, 15);
    }
  }
  return out;
}

}  // namespace

SpatialScale plain_scale(const Json& attributes, const std::string& axes) {
  SpatialScale out;
  const std::string name = attributes.contains("voxel_size") ? "voxel_size" : "resolution";
  const Json sides = attributes.value(name, Json());
  if (sides.is_null()) {
    return out;
  }
  const std::vector<Json> voxel = spatial_entries(sides, axes);
  const std::string stated = fmt::format("{} for axes {}", sides.dump(), axes);
  if (!are_numbers(voxel)) {
    out.notes.push_back(unusable_voxel_size(name, stated));
    return out;
  }
  const Json units = attributes.value("units", Json());
  const auto nm = units.is_null() ? std::optional(1.0) : unit_nm(units, axes);
  if (!nm) {
    out.notes.push_back(
        unusable_voxel_size(name, fmt::format("in {}, no one unit of length", units.dump())));
    return out;
  }
  core::Vec3d voxel_nm = in_zyx(voxel, axes, *nm);
  if (axes.find('z') == std::string::npos) {
    voxel_nm[0] = voxel_nm[1];  // a section whose thickness is not stated
  }
  if (!std::all_of(voxel_nm.begin(), voxel_nm.end(), [](double side) { return side > 0; })) {
    out.notes.push_back(unusable_voxel_size(name, stated + ", not positive"));
    return out;
  }
  out.voxel_nm = voxel_nm;
  if (const Json stated_offset = attributes.value("offset", Json()); !stated_offset.is_null()) {
    const std::vector<Json> offset = spatial_entries(stated_offset, axes);
    if (are_numbers(offset)) {
      out.offset_nm = in_zyx(offset, axes, *nm);
    } else {
      out.notes.push_back(
          unusable_offset("offset", fmt::format("{} for axes {}", stated_offset.dump(), axes)));
    }
  }
  if (units.is_null()) {
    out.notes.emplace_back("the resolution has no unit: taken as nanometres, in the array's order");
  }
  return out;
}

}  // namespace retina::store
