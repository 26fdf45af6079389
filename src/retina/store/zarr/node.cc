#include "retina/store/zarr/node.h"

#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/store/folder_walk.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/metadata_fields.h"
#include "retina/store/zarr/multiscale.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kNodeV3 = "zarr.json";
constexpr const char* kArrayV2 = ".zarray";
constexpr const char* kGroupV2 = ".zgroup";
constexpr const char* kAttributesV2 = ".zattrs";

Json read_object(const fs::path& file) {
  Json json = core::read_json(file);
  if (!json.is_object()) {
    throw bad_file(file, "no JSON object", "zarr metadata of a group or array", kDamagedMetadata);
  }
  return json;
}

ZarrNode read_node_v3(const fs::path& path) {
  ZarrNode node{.path = path,
                .file = path / kNodeV3,
                .metadata = read_object(path / kNodeV3),
                .attributes = Json::object()};
  const Json type = node.metadata.value("node_type", Json());
  if (type != "array" && type != "group") {
    throw bad_file(node.file, "no node_type", "zarr v3 metadata of a group or array",
                   kDamagedMetadata);
  }
  node.is_array = type == "array";
  if (Json attributes = node.metadata.value("attributes", Json()); attributes.is_object()) {
    node.attributes = std::move(attributes);
  }
  return node;
}

ZarrNode read_node_v2(const fs::path& path) {
  const bool is_array = fs::exists(path / kArrayV2);
  const fs::path file = path / (is_array ? kArrayV2 : kGroupV2);
  const fs::path attributes = path / kAttributesV2;
  return {.path = path,
          .file = file,
          .format = ZarrFormat::v2,
          .is_array = is_array,
          .metadata = read_object(file),
          .attributes = fs::exists(attributes) ? read_object(attributes) : Json::object()};
}

void write_json_file(const fs::path& path, const Json& json) {
  core::write_atomically(path, std::string_view(core::dump_json(json, 2)));
}

/// Of the nodes below, those that are listed; groups that are not are gone through.
template <class IsListed>
std::vector<std::string> nodes_below(const fs::path& group, IsListed is_listed) {
  return folders_below(group, [&](const fs::path& folder) {
    if (!is_zarr_node(folder)) {
      return Visit::skip;
    }
    return is_listed(read_zarr_node(folder)) ? Visit::list : Visit::descend;
  });
}

}  // namespace

bool is_zarr_node(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is no node
  return fs::exists(path / kNodeV3, ignored) || fs::exists(path / kArrayV2, ignored) ||
         fs::exists(path / kGroupV2, ignored);
}

ZarrNode read_zarr_node(const fs::path& path) {
  return fs::exists(path / kNodeV3) ? read_node_v3(path) : read_node_v2(path);
}

ZarrMetadata array_metadata_of(const ZarrNode& node) {
  try {
    return node.format == ZarrFormat::v3 ? parse_array_metadata(node.metadata)
                                         : parse_array_metadata_v2(node.metadata, node.attributes);
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", node.file.string()));
  }
}

std::vector<std::string> zarr_arrays_below(const fs::path& group) {
  return nodes_below(group, [](const ZarrNode& node) { return node.is_array; });
}

std::vector<std::string> zarr_images_below(const fs::path& group) {
  return nodes_below(
      group, [](const ZarrNode& node) { return node.is_array || has_multiscale(node.attributes); });
}

void write_zarr_group(const fs::path& path, ZarrFormat format, const Json& attributes) {
  if (format == ZarrFormat::v3) {
    write_json_file(path / kNodeV3,
                    {{"zarr_format", 3}, {"node_type", "group"}, {"attributes", attributes}});
    return;
  }
  write_json_file(path / kAttributesV2, attributes);
  write_json_file(path / kGroupV2, {{"zarr_format", 2}});
}

void write_zarr_array(const fs::path& path, const ZarrMetadata& metadata) {
  if (metadata.format == ZarrFormat::v3) {
    write_json_file(path / kNodeV3, to_json(metadata));
    return;
  }
  write_json_file(path / kAttributesV2, {{"_ARRAY_DIMENSIONS", metadata.dimension_names}});
  write_json_file(path / kArrayV2, to_json(metadata));
}

}  // namespace retina::store
