#include "retina/store/zarr/ome_zarr.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/store/folder_walk.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/array.h"
#include "retina/store/zarr/array_axes.h"
#include "retina/store/zarr/multiscale.h"
#include "retina/store/zarr/node.h"
#include "retina/store/zarr/plain_scale.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// An array to open and how its group describes it.
struct FoundArray {
  ZarrNode node;
  std::optional<Multiscale> image = {};
  std::size_t level = 0;
  std::vector<std::string> notes = {};
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

std::optional<Multiscale> multiscale_of(const ZarrNode& group) {
  try {
    return parse_multiscale(group.attributes);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", group.file.string()));
  }
}

FoundArray find_in_image(const ZarrNode& group, Multiscale image) {
  const fs::path path = group.path / image.levels.front().path;
  if (!is_zarr_node(path)) {
    require_readable(path / "zarr.json");
    throw bad_file(group.path, fmt::format("no array '{}'", image.levels.front().path),
                   "the full-size level that the metadata name", "get a fresh copy");
  }
  FoundArray found{.node = read_zarr_node(path), .image = std::move(image)};
  if (!found.node.is_array) {
    throw bad_file(path, "a group", "the full-size level that the metadata name",
                   "get a fresh copy");
  }
  return found;
}

FoundArray find_in_group(const ZarrNode& group) {
  if (std::optional<Multiscale> image = multiscale_of(group)) {
    return find_in_image(group, std::move(*image));
  }
  const std::vector<std::string> paths = zarr_images_below(group.path);
  if (paths.empty()) {
    throw bad_file(group.path, "a zarr group without arrays", "one array or image",
                   "check that the copy is complete");
  }
  if (paths.size() > 1) {
    throw bad_file(group.path, fmt::format("a zarr group of {} arrays or images", paths.size()),
                   fmt::format("one of: {}", listed_choices(group.path, paths)),
                   "name one of these");
  }
  const ZarrNode only = read_zarr_node(group.path / paths.front());
  FoundArray found = only.is_array ? FoundArray{.node = only} : find_in_group(only);
  found.notes.push_back(fmt::format("'{}', all that the group holds, is read", paths.front()));
  return found;
}

/// An array named directly: a group above it may know its axes and scale.
FoundArray find_array(const ZarrNode& array) {
  constexpr int kMostParents = 3;
  FoundArray found{.node = array};
  fs::path group = array.path;
  for (int i = 0; i < kMostParents && is_zarr_node(group.parent_path()); ++i) {
    group = group.parent_path();
    std::optional<Multiscale> image;
    try {
      image = multiscale_of(read_zarr_node(group));
    } catch (const Error& error) {  // the array itself may be sound
      found.notes.push_back(fmt::format("what the group says is not used: {}", error.what()));
    }
    for (std::size_t level = 0; image && level < image->levels.size(); ++level) {
      if ((group / image->levels[level].path).lexically_normal() == array.path) {
        found.image = std::move(image);
        found.level = level;
        return found;
      }
    }
  }
  return found;
}

void add_scale(const SpatialScale& scale, const std::string& source, core::VolumeInfo& info) {
  info.voxel_nm = scale.voxel_nm;
  info.voxel_nm_source = scale.voxel_nm ? source : "";
  info.offset_nm = scale.offset_nm;
  info.notes.insert(info.notes.end(), scale.notes.begin(), scale.notes.end());
}

void describe_image(const FoundArray& found, const OpenOptions& options, core::VolumeInfo& info) {
  const Multiscale& image = *found.image;
  info.format = "ome-zarr " + image.version;
  info.axes = image.axes;
  info.is_labels = image.is_labels;
  add_scale(spatial_scale(image, image.levels[found.level]), "OME-Zarr scale", info);
  if (!options.axes.empty() && options.axes != info.axes) {
    throw bad_file(found.node.path, "axes " + info.axes, "axes " + options.axes,
                   "leave the axes out: the OME-Zarr metadata state them");
  }
}

std::unique_ptr<core::Volume> open_found(const FoundArray& found, const Location& location,
                                         const OpenOptions& options) {
  ZarrMetadata metadata = array_metadata_of(found.node);
  core::VolumeInfo info;
  info.source = location.text;
  info.notes = found.notes;
  if (found.image) {
    describe_image(found, options, info);
  } else {
    info.format = found.node.format == ZarrFormat::v3 ? "zarr v3" : "zarr v2";
    const StatedAxes stated =
        plain_axes(found.node.path, metadata.shape.size(), metadata.dimension_names, options);
    info.axes = stated.axes;
    info.notes.insert(info.notes.end(), stated.notes.begin(), stated.notes.end());
    add_scale(plain_scale(found.node.attributes, info.axes), "zarr attributes", info);
  }
  const std::string axes = info.axes;
  return std::make_unique<ZarrVolume>(std::move(info), found.node.path, std::move(metadata), axes);
}

fs::path node_path(const Location& location) {
  return folder_of(location).lexically_normal();
}

}  // namespace

bool is_zarr(const Location& location) {
  return is_zarr_node(node_path(location)) || is_zarr_node(location.file);
}

std::vector<std::string> zarr_datasets(const Location& location) {
  const fs::path path = node_path(location);
  if (!is_zarr_node(path)) {
    return {};
  }
  const ZarrNode node = read_zarr_node(path);
  if (node.is_array) {
    return {""};
  }
  if (!multiscale_of(node)) {
    return zarr_images_below(path);
  }
  std::vector<std::string> found{""};
  if (is_zarr_node(path / "labels")) {
    for (const std::string& name : zarr_images_below(path / "labels")) {
      found.push_back("labels/" + name);
    }
  }
  return found;
}

std::unique_ptr<core::Volume> open_zarr(const Location& location, const OpenOptions& options) {
  const fs::path path = node_path(location);
  if (!is_zarr_node(path)) {
    throw bad_file(
        location.file, fmt::format("nothing at '{}'", location.inner),
        fmt::format("one of: {}", listed_choices(location.file, zarr_arrays_below(location.file))),
        "name one of these");
  }
  const ZarrNode node = read_zarr_node(path);
  return open_found(node.is_array ? find_array(node) : find_in_group(node), location, options);
}

}  // namespace retina::store
