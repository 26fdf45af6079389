#include "retina/data/dataset.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/finite.h"
#include "retina/core/slabs.h"

namespace retina::data {

namespace {

constexpr std::string_view kAxisNames = "zyx";

bool is_flat(const core::Volume& volume) {
  return volume.shape()[0] == 1;
}

const LabelledVolume& volume_of(const Dataset& dataset, const Slice& slice) {
  return dataset.volumes.at(static_cast<std::size_t>(slice.volume));
}

/// A box of thickness 1 as a plane {1,y,x}: it has its voxels in that order already.
core::Array as_plane(const core::Array& box, const core::Vec3& shape) {
  core::Array plane(box.dtype(), 1, shape);
  std::copy(box.bytes().begin(), box.bytes().end(), plane.bytes().begin());
  return plane;
}

/// A part of a plane {1,y,x} as it is stored.
core::Array read_stored_image(const LabelledVolume& volume, const Slice& slice,
                              const core::Box3& part) {
  require_one_channel(*volume.image);
  return as_plane(volume.image->read(part_in_volume(volume.image->shape(), slice, part)),
                  part.shape);
}

/// Position {z,y,x} in the volume of voxel `i` of a box.
core::Vec3 position_in(const core::Box3& box, std::int64_t i) {
  return {box.start[0] + i / (box.shape[1] * box.shape[2]),
          box.start[1] + i / box.shape[2] % box.shape[1], box.start[2] + i % box.shape[2]};
}

std::string known_values(const LabelMap& map) {
  std::vector<std::string> known;
  for (const auto& [value, id] : map.values) {
    known.push_back(fmt::format("{}", value));
  }
  if (map.values.empty()) {
    known.push_back(map.class_count == 2 ? "0 and 1, or 0 and 255"
                                         : fmt::format("0 to {}", map.class_count - 1));
  }
  if (map.ignore_value) {
    known.push_back(fmt::format("{} (ignored)", *map.ignore_value));
  }
  return fmt::format("{}", fmt::join(known, ", "));
}

/// Stored value -> class id, kIgnore, or nothing.
std::optional<std::uint8_t> class_of(const LabelMap& map, std::int64_t value) {
  if (map.ignore_value == value) {
    return kIgnore;
  }
  if (map.values.empty()) {
    return value >= 0 && value < map.class_count ? std::optional(static_cast<std::uint8_t>(value))
                                                 : std::nullopt;
  }
  for (const auto& [stored, id] : map.values) {
    if (stored == value) {
      return static_cast<std::uint8_t>(id);
    }
  }
  return std::nullopt;
}

core::Array read_stored_labels(const core::Volume& labels, const core::Box3& box) {
  require_one_channel(labels);
  if (!core::is_integer(labels.info().dtype)) {
    throw Error(
        ErrorKind::bad_data,
        Problem{.subject = labels.info().source,
                .found = fmt::format("labels of type {}", core::name_of(labels.info().dtype)),
                .expected = "whole numbers",
                .remedy = "save the labels as uint8 or uint16"});
  }
  return labels.read(box);
}

using Counts = std::map<std::int64_t, std::int64_t>;  // pixels by stored value

void add_counts(const core::Array& stored, Counts& counts) {
  core::dispatch(stored.dtype(), [&](auto zero) {
    const auto values = stored.values<decltype(zero)>();
    std::size_t run = 0;  // labels come in long runs: one look-up for each
    for (std::size_t i = 0; i < values.size(); i = run) {
      for (run = i + 1; run < values.size() && values[run] == values[i]; ++run) {
      }
      counts[static_cast<std::int64_t>(values[i])] += static_cast<std::int64_t>(run - i);
    }
  });
}

LabelCensus census_of(const Counts& counts) {
  return {.counts = {counts.begin(), counts.end()}};
}

LabelMap map_for(const LabelMap& map, const core::Array& stored) {
  if (!is_decided_by_plane(map)) {
    return map;
  }
  Counts counts;
  add_counts(stored, counts);
  return map_of_plane(map, census_of(counts));
}

[[noreturn]] void fail_value(const LabelMap& map, const core::Volume& labels, std::int64_t value,
                             const core::Vec3& where) {
  throw Error(
      ErrorKind::bad_data,
      Problem{
          .subject = labels.info().source,
          .found = is_flat(labels)
                       ? fmt::format("label value {} at y={}, x={}", value, where[1], where[2])
                       : fmt::format("label value {} at z={}, y={}, x={}", value, where[0],
                                     where[1], where[2]),
          .expected = known_values(map),
          .remedy =
              "name the value in the label map (labels), set ignore_value, or correct the mask"});
}

}  // namespace

void require_one_channel(const core::Volume& volume) {
  if (volume.info().channels != 1) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = volume.info().source,
                        .found = fmt::format("{} channels", volume.info().channels),
                        .expected = "one channel",
                        .remedy = "convert it to grey values, or take one channel of it"});
  }
}

std::vector<Slice> slices_across(const core::Vec3& shape, int volume, int axis,
                                 std::int64_t every) {
  std::vector<Slice> slices;
  for (std::int64_t index = 0; index < shape[static_cast<std::size_t>(axis)]; index += every) {
    slices.push_back({.volume = volume, .axis = axis, .index = index});
  }
  return slices;
}

std::vector<Slice> distinct(std::vector<Slice> slices) {
  slices.erase(std::unique(slices.begin(), slices.end()), slices.end());
  return slices;
}

std::vector<int> volumes_used(const Dataset& dataset) {
  std::set<int> used;
  for (const Slice& slice : dataset.slices) {
    used.insert(slice.volume);
  }
  return {used.begin(), used.end()};
}

std::vector<core::Vec3d> voxel_sizes_used(const Dataset& dataset) {
  std::vector<core::Vec3d> sizes;
  for (const int volume : volumes_used(dataset)) {
    const std::optional<core::Vec3d>& voxel_nm =
        dataset.volumes[static_cast<std::size_t>(volume)].image->info().voxel_nm;
    if (voxel_nm && std::find(sizes.begin(), sizes.end(), *voxel_nm) == sizes.end()) {
      sizes.push_back(*voxel_nm);
    }
  }
  return sizes;
}

core::Vec3 plane_shape(const core::Vec3& shape, int axis) {
  switch (axis) {
    case 0:
      return {1, shape[1], shape[2]};
    case 1:
      return {1, shape[0], shape[2]};
    default:
      return {1, shape[0], shape[1]};
  }
}

core::Box3 part_in_volume(const core::Vec3& shape, const Slice& slice, const core::Box3& part) {
  core::Box3 box = core::slice_box(shape, slice.axis, slice.index);
  const std::size_t rows = slice.axis == 0 ? 1 : 0;
  const std::size_t columns = slice.axis == 2 ? 1 : 2;
  box.start[rows] = part.start[1];
  box.shape[rows] = part.shape[1];
  box.start[columns] = part.start[2];
  box.shape[columns] = part.shape[2];
  return box;
}

std::vector<core::Box3> bands_of(const core::Volume& volume, const Slice& slice,
                                 std::int64_t pixels) {
  const std::size_t rows = slice.axis == 0 ? 1 : 0;
  std::vector<core::Box3> bands;
  core::for_each_slab(plane_shape(volume.shape(), slice.axis), {1, volume.info().chunk[rows], 0},
                      pixels, [&](const core::Box3& band) { bands.push_back(band); });
  return bands;
}

std::string describe(const Dataset& dataset, const Slice& slice) {
  const LabelledVolume& volume = volume_of(dataset, slice);
  if (is_flat(*volume.image)) {
    return volume.name;
  }
  return fmt::format("{} {}={}", volume.name, kAxisNames[static_cast<std::size_t>(slice.axis)],
                     slice.index);
}

core::Array class_ids(const LabelMap& map, const core::Volume& labels, const core::Box3& box) {
  const core::Array stored = read_stored_labels(labels, box);
  core::Array classes(core::DType::u8, 1, stored.shape());
  const LabelMap of_plane = map_for(map, stored);
  const auto out = classes.values<std::uint8_t>();
  core::dispatch(stored.dtype(), [&](auto zero) {
    const auto in = stored.values<decltype(zero)>();
    std::optional<std::uint8_t> id;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (i == 0 || in[i] != in[i - 1]) {
        const auto value = static_cast<std::int64_t>(in[i]);
        id = class_of(of_plane, value);
        if (!id) {
          fail_value(map, labels, value, position_in(box, static_cast<std::int64_t>(i)));
        }
      }
      out[i] = *id;
    }
  });
  return classes;
}

core::Array read_image(const Dataset& dataset, const Slice& slice) {
  const core::Vec3& shape = volume_of(dataset, slice).image->shape();
  return read_image(dataset, slice, core::whole(plane_shape(shape, slice.axis)));
}

core::Array read_image(const Dataset& dataset, const Slice& slice, const core::Box3& part) {
  const LabelledVolume& volume = volume_of(dataset, slice);
  return core::to_uint8(read_stored_image(volume, slice, part), volume.range);
}

LabelledPlane read_image_part(const Dataset& dataset, const Slice& slice, const core::Box3& part) {
  const LabelledVolume& volume = volume_of(dataset, slice);
  const core::Array stored = read_stored_image(volume, slice, part);
  return {.image = core::to_uint8(stored, volume.range),
          .labels = {},
          .non_finite = core::count_non_finite(stored)};
}

core::Array read_label_part(const LabelMap& map, const core::Volume& labels, const Slice& slice,
                            const core::Box3& part) {
  return as_plane(class_ids(map, labels, part_in_volume(labels.shape(), slice, part)), part.shape);
}

LabelledPlane read_plane(const Dataset& dataset, const Slice& slice) {
  const LabelledVolume& volume = volume_of(dataset, slice);
  const core::Box3 all = core::whole(plane_shape(volume.image->shape(), slice.axis));
  LabelledPlane plane = read_image_part(dataset, slice, all);
  if (volume.labels != nullptr) {
    plane.labels = read_label_part(dataset.label_map, *volume.labels, slice, all);
  }
  return plane;
}

bool LabelCensus::only_0_and_255() const {
  return !counts.empty() && counts.back().first == 255 &&
         std::all_of(counts.begin(), counts.end(),
                     [](const auto& c) { return c.first == 0 || c.first == 255; });
}

bool is_decided_by_plane(const LabelMap& map) {
  return map.values.empty() && map.class_count == 2 && map.ignore_value != 255;
}

LabelMap map_of_plane(const LabelMap& map, const LabelCensus& census) {
  LabelMap of_plane = map;
  if (is_decided_by_plane(map)) {
    of_plane.values = {{0, 0}, {census.only_0_and_255() ? 255 : 1, 1}};
  }
  return of_plane;
}

bool is_two_valued(const Dataset& dataset, const std::vector<Slice>& slices) {
  if (!dataset.label_map.values.empty() || dataset.label_map.ignore_value) {
    return false;
  }
  bool has_255 = false;
  for (const Slice& slice : slices) {
    const LabelledVolume& volume = volume_of(dataset, slice);
    if (volume.labels == nullptr) {
      return false;
    }
    try {
      for (const auto& [value, pixels] : count_labels(volume, slice).counts) {
        if (value != 0 && value != 255) {
          return false;
        }
        has_255 = has_255 || value == 255;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data) {
        throw;
      }
    }
  }
  return has_255;
}

LabelCensus count_labels(const LabelledVolume& volume, const Slice& slice) {
  Counts counts;
  for (const core::Box3& band : bands_of(*volume.labels, slice)) {
    add_counts(
        read_stored_labels(*volume.labels, part_in_volume(volume.labels->shape(), slice, band)),
        counts);
  }
  return census_of(counts);
}

}  // namespace retina::data
