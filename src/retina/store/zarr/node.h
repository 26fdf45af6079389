#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/store/zarr/array_metadata.h"

namespace retina::store {

/// A group or array of a zarr hierarchy, of version 3 or 2.
struct ZarrNode {
  std::filesystem::path path;
  std::filesystem::path file;  ///< that describes it, for messages
  ZarrFormat format = ZarrFormat::v3;
  bool is_array = false;
  Json metadata;
  Json attributes;
};

/// True if the folder holds zarr.json, .zarray or .zgroup.
bool is_zarr_node(const std::filesystem::path& path);

/// bad_data naming the file if it is damaged.
ZarrNode read_zarr_node(const std::filesystem::path& path);

/// bad_data naming the file if the array cannot be read.
ZarrMetadata array_metadata_of(const ZarrNode& node);

/// Paths of all arrays below a group, in natural order, relative to it; for messages.
std::vector<std::string> zarr_arrays_below(const std::filesystem::path& group);

/// Paths of what can be opened below a group that is no image itself: its images and those arrays
/// that are not levels of one.
std::vector<std::string> zarr_images_below(const std::filesystem::path& group);

/// Makes the folder a group, its description last.
void write_zarr_group(const std::filesystem::path& path, ZarrFormat format, const Json& attributes);

/// Makes the folder an array.
void write_zarr_array(const std::filesystem::path& path, const ZarrMetadata& metadata);

}  // namespace retina::store
