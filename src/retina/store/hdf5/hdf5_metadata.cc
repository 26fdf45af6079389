#include "retina/store/hdf5/hdf5_metadata.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/store/axis_order.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

/// "z", "Z", "depth" -> z; "?" for what is none of t, c, z, y, x.
char axis_letter(std::string_view name) {
  std::string lower;
  for (const char c : name) {
    if (c != '^') {  // funlib marks channels so
      lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  if (lower.starts_with("channel")) {
    return 'c';
  }
  if (lower == "time") {
    return 't';
  }
  return lower.size() == 1 ? lower.front() : '?';
}

std::string axes_of_names(const std::vector<std::string>& names) {
  std::string axes;
  for (const std::string& name : names) {
    axes += axis_letter(name);
  }
  return axes;
}

std::string axes_of_tags(const std::string& text) {
  const Json tags = Json::parse(text, nullptr, false);
  if (!tags.is_object() || !tags.contains("axes") || !tags["axes"].is_array()) {
    return {};
  }
  std::string axes;
  for (const Json& axis : tags["axes"]) {
    const bool is_named = axis.is_object() && axis.contains("key") && axis["key"].is_string();
    axes += is_named ? axis_letter(axis["key"].get<std::string>()) : '?';
  }
  return axes;
}

const std::vector<std::string>* texts_of(const Hdf5Attributes& attributes, const char* name) {
  const auto found = attributes.texts.find(name);
  return found == attributes.texts.end() || found->second.empty() ? nullptr : &found->second;
}

/// The axes that the file states, "" if it does not.
std::string stated_axes(const Hdf5Attributes& attributes, std::size_t dimensions) {
  std::vector<std::string> candidates;
  if (const auto* tags = texts_of(attributes, "axistags")) {
    candidates.push_back(axes_of_tags(tags->front()));
  }
  for (const char* name : {"DIMENSION_LABELS", "axis_names"}) {
    if (const auto* names = texts_of(attributes, name)) {
      candidates.push_back(axes_of_names(*names));
    }
  }
  for (const std::string& axes : candidates) {
    if (axes.size() == dimensions && are_image_axes(axes)) {
      return axes;
    }
  }
  return {};
}

std::string choose_axes(const Hdf5Attributes& attributes, std::size_t dimensions,
                        const std::string& wanted, Hdf5Space& space) {
  const std::string stated = stated_axes(attributes, dimensions);
  if (!wanted.empty()) {
    if (!stated.empty() && stated != wanted) {
      space.notes.push_back(
          fmt::format("the file states axes {}: read as {}, as asked", stated, wanted));
    }
    return wanted;
  }
  if (!stated.empty()) {
    return stated;
  }
  if (dimensions != 2 && dimensions != 3) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "axes",
                        .found = fmt::format("{} dimensions that have no names", dimensions),
                        .expected = "axistags or DIMENSION_LABELS in the file",
                        .remedy = "say which they are, slowest first, such as --axes czyx"});
  }
  const std::string axes = dimensions == 2 ? "yx" : "zyx";
  space.notes.push_back(fmt::format("axes are not stated: read as {}", axes));
  return axes;
}

/// Values for z, y, x out of one for each axis, for each axis of space, or for z, y, x of a plane.
std::array<std::optional<double>, 3> spatial_values(const std::vector<double>& values,
                                                    const std::string& axes) {
  std::string spatial;
  for (const char axis : axes) {
    spatial +=
        std::string_view("zyx").find(axis) == std::string_view::npos ? "" : std::string(1, axis);
  }
  std::string named;
  if (values.size() == axes.size()) {
    named = axes;
  } else if (values.size() == spatial.size()) {
    named = spatial;
  } else if (values.size() == 3) {
    named = "zyx";
  }
  std::array<std::optional<double>, 3> zyx;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = named.find("zyx"[i]);
    if (at != std::string::npos) {
      zyx[i] = values[at];
    }
  }
  return zyx;
}

/// Units of z, y, x: one for all, or one for each value.
std::array<std::string, 3> spatial_units(const Hdf5Attributes& attributes,
                                         const std::string& axes) {
  constexpr std::array<const char*, 2> kUnitNames{"units", "unit"};
  for (const char* name : kUnitNames) {
    const auto* texts = texts_of(attributes, name);
    if (texts == nullptr) {
      continue;
    }
    if (texts->size() == 1) {
      return {texts->front(), texts->front(), texts->front()};
    }
    std::vector<double> positions(texts->size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
      positions[i] = static_cast<double>(i);
    }
    std::array<std::string, 3> units;
    const auto zyx = spatial_values(positions, axes);
    for (std::size_t i = 0; i < 3; ++i) {
      units[i] = zyx[i] ? (*texts)[static_cast<std::size_t>(*zyx[i])] : "";
    }
    return units;
  }
  const bool is_unreadable = std::any_of(kUnitNames.begin(), kUnitNames.end(), [&](auto* name) {
    return attributes.numbers.contains(name) || attributes.others.contains(name) ||
           attributes.texts.contains(name);  // those that can be read have returned above
  });
  return is_unreadable ? std::array<std::string, 3>{}
                       : std::array<std::string, 3>{"nm", "nm", "nm"};
}

/// Why attribute `name` gives no steps along y and x; empty if it does, or if it is not there.
std::string fault_of_numbers(const Hdf5Attributes& attributes, const std::string& name,
                             const std::string& axes) {
  if (const auto found = attributes.numbers.find(name); found != attributes.numbers.end()) {
    const auto zyx = spatial_values(found->second, axes);
    return zyx[1] && zyx[2] ? ""
                            : fmt::format("{} value(s) for axes {}", found->second.size(), axes);
  }
  if (const auto found = attributes.texts.find(name); found != attributes.texts.end()) {
    return found->second.empty() ? "text" : fmt::format("text '{}'", found->second.front());
  }
  const auto found = attributes.others.find(name);
  return found == attributes.others.end() ? "" : found->second;
}

void take_offset(const Hdf5Attributes& attributes, const std::array<std::string, 3>& units,
                 Hdf5Space& space) {
  if (const std::string fault = fault_of_numbers(attributes, "offset", space.axes);
      !fault.empty()) {
    space.notes.push_back(unusable_offset("offset", fault));
    return;
  }
  const auto found = attributes.numbers.find("offset");
  if (found == attributes.numbers.end()) {
    return;
  }
  const auto zyx = spatial_values(found->second, space.axes);
  const Offset offset = offset_of({{{zyx[0], units[0]}, {zyx[1], units[1]}, {zyx[2], units[2]}}});
  space.offset_nm = offset.nm;
  space.notes.insert(space.notes.end(), offset.notes.begin(), offset.notes.end());
}

}  // namespace

Hdf5Space understand_hdf5(const Hdf5Attributes& attributes, std::size_t dimensions,
                          const std::string& wanted_axes) {
  Hdf5Space space;
  space.axes = choose_axes(attributes, dimensions, wanted_axes, space);
  const auto units = spatial_units(attributes, space.axes);
  for (const char* name : {"resolution", "voxel_size", "element_size_um"}) {
    if (const std::string fault = fault_of_numbers(attributes, name, space.axes); !fault.empty()) {
      space.notes.push_back(unusable_voxel_size(name, fault));
      continue;
    }
    const auto found = attributes.numbers.find(name);
    if (found == attributes.numbers.end()) {
      continue;
    }
    const auto zyx = spatial_values(found->second, space.axes);
    std::array<AxisLength, 3> steps;
    for (std::size_t i = 0; i < 3; ++i) {
      steps[i] = {zyx[i], std::string_view(name) == "element_size_um" ? "um" : units[i]};
    }
    VoxelSize voxel = voxel_size(steps);
    space.notes.insert(space.notes.end(), voxel.notes.begin(), voxel.notes.end());
    if (voxel.nm) {
      space.voxel_nm = voxel.nm;
      space.voxel_nm_source = fmt::format("HDF5 attribute '{}'", name);
      break;
    }
  }
  take_offset(attributes, units, space);
  return space;
}

}  // namespace retina::store
