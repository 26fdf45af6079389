#include "retina/store/zarr/ome_zarr.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/file.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/array.h"
#include "retina/store/zarr/multiscale.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMetadata = "zarr.json";

/// An array to open and how its group describes it.
struct FoundArray {
  fs::path path;
  std::optional<Multiscale> image;
  std::size_t level = 0;
};

class ZarrVolume final : public core::Volume {
 public:
  ZarrVolume(core::VolumeInfo info, fs::path root, ZarrMetadata metadata, std::string axes)
      : Volume(std::move(info)), array_(std::move(root), std::move(metadata), std::move(axes)) {
    const Index4& shape = array_.shape();
    const Index4& chunk = array_.chunk();
    info_.dtype = array_.metadata().dtype;
    info_.channels = static_cast<int>(shape[0]);
    info_.shape = {shape[1], shape[2], shape[3]};
    info_.chunk = {chunk[1], chunk[2], chunk[3]};
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return array_.read(with_channels(box, info_.channels), &cache_);
  }

 private:
  ZarrArray array_;
  CacheOwner cache_;
};

template <class Parse>
auto within_file(const fs::path& path, Parse parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", path.string()));
  }
}

Json read_node(const fs::path& node) {
  Json json = core::read_json(node / kMetadata);
  if (!json.is_object() || !json.value("node_type", Json()).is_string()) {
    throw bad_file(node / kMetadata, "no node_type", "zarr v3 metadata of a group or array",
                   "the metadata are damaged: get a fresh copy");
  }
  return json;
}

std::optional<Multiscale> multiscale_of(const fs::path& group) {
  return within_file(group / kMetadata, [&] {
    const Json json = read_node(group);
    const Json attributes = json.value("attributes", Json::object());
    return attributes.is_object() ? parse_multiscale(attributes) : std::nullopt;
  });
}

/// The paths of nodes below a group, two levels deep, for messages.
std::vector<std::string> nodes_below(const fs::path& group) {
  std::vector<std::string> names;
  for (auto it = fs::recursive_directory_iterator(group); it != fs::recursive_directory_iterator();
       ++it) {
    if (it->is_directory() && fs::exists(it->path() / kMetadata)) {
      names.push_back(fs::relative(it->path(), group).string());
    }
    if (it.depth() >= 1) {
      it.disable_recursion_pending();
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

FoundArray find_in_group(const fs::path& group) {
  std::optional<Multiscale> image = multiscale_of(group);
  if (!image) {
    throw bad_file(group, "a zarr group without an image",
                   fmt::format("one of: {}", fmt::join(nodes_below(group), ", ")),
                   fmt::format("write {}:PATH", group.string()));
  }
  const fs::path path = group / image->levels.front().path;
  if (!fs::exists(path / kMetadata)) {
    throw bad_file(group, fmt::format("no array '{}'", image->levels.front().path),
                   "the full-size level that the metadata name", "get a fresh copy");
  }
  return {path, std::move(image), 0};
}

/// An array named directly: the group above may know its axes and scale.
FoundArray find_array(const fs::path& path) {
  FoundArray found{path, std::nullopt, 0};
  const fs::path group = path.parent_path();
  if (!fs::exists(group / kMetadata)) {
    return found;
  }
  std::optional<Multiscale> image = multiscale_of(group);
  for (std::size_t i = 0; image && i < image->levels.size(); ++i) {
    if (image->levels[i].path == path.filename().string()) {
      return {path, std::move(image), i};
    }
  }
  return found;
}

/// Axes of an array that no OME metadata describe.
std::string plain_axes(const fs::path& path, const ZarrMetadata& metadata,
                       const OpenOptions& options, core::VolumeInfo& info) {
  if (!options.axes.empty()) {
    return options.axes;
  }
  std::string names;
  for (const std::string& name : metadata.dimension_names) {
    names += name.size() == 1 ? name : "?";
  }
  if (!names.empty() && names.find('?') == std::string::npos) {
    return names;
  }
  if (metadata.shape.size() > 3) {
    throw bad_file(path, fmt::format("{} dimensions without names", metadata.shape.size()),
                   "dimension names or OME-Zarr metadata", "say which they are, such as czyx");
  }
  const std::string axes = metadata.shape.size() == 2 ? "yx" : "zyx";
  info.notes.push_back(fmt::format("axes are not stated: read as {}", axes));
  return axes;
}

std::unique_ptr<core::Volume> open_found(const FoundArray& found, const Location& location,
                                         const OpenOptions& options) {
  core::VolumeInfo info;
  info.source = location.text;
  info.format = found.image ? "ome-zarr 0.5" : "zarr v3";
  const fs::path file = found.path / kMetadata;
  ZarrMetadata metadata =
      within_file(file, [&] { return parse_array_metadata(read_node(found.path)); });
  if (found.image) {
    info.axes = found.image->axes;
    SpatialScale scale = spatial_scale(*found.image, found.image->levels[found.level]);
    info.voxel_nm = scale.voxel_nm;
    info.voxel_nm_source = scale.voxel_nm ? "OME-Zarr scale" : "";
    info.offset_nm = scale.offset_nm;
    info.notes = std::move(scale.notes);
  } else {
    info.axes = plain_axes(found.path, metadata, options, info);
  }
  if (!options.axes.empty() && options.axes != info.axes) {
    throw bad_file(location.file, "axes " + info.axes, "axes " + options.axes,
                   "leave the axes out: the OME-Zarr metadata state them");
  }
  const std::string axes = info.axes;
  return std::make_unique<ZarrVolume>(std::move(info), found.path, std::move(metadata), axes);
}

}  // namespace

bool is_zarr(const Location& location) {
  const fs::path node = location.inner.empty() ? location.file : location.file / location.inner;
  for (const char* name : {kMetadata, ".zgroup", ".zarray"}) {
    if (fs::exists(node / name) || fs::exists(location.file / name)) {
      return true;
    }
  }
  return false;
}

std::unique_ptr<core::Volume> open_zarr(const Location& location, const OpenOptions& options) {
  const fs::path node = location.inner.empty() ? location.file : location.file / location.inner;
  if (!fs::exists(node / kMetadata)) {
    if (fs::exists(location.file / kMetadata)) {
      throw bad_file(location.file, fmt::format("nothing at '{}'", location.inner),
                     fmt::format("one of: {}", fmt::join(nodes_below(location.file), ", ")),
                     "name one of these after the colon");
    }
    throw bad_file(location.file, "zarr version 2", "zarr version 3 (OME-Zarr 0.5)",
                   "convert it, for example with the Python package ome-zarr");
  }
  const bool is_array = read_node(node).at("node_type") == "array";
  return open_found(is_array ? find_array(node) : find_in_group(node), location, options);
}

}  // namespace retina::store
