#include "retina/pipeline/predict/volume_outputs.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

#include "retina/pipeline/predict/prediction_setup.h"
#include "retina/store/open.h"
#include "retina/store/output_place.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

/// Chunks of OME-Zarr that divide a storage unit: zarr v2, which labels in an older image are, has
/// no shards, and its chunks are its units.
core::Vec3 chunk_in(const core::Vec3& unit) {
  const std::int64_t side = unit[0] == 1 ? 256 : 64;
  return {std::min(side, unit[0]), std::min(side, unit[1]), std::min(side, unit[2])};
}

}  // namespace

bool stores_blocks(const std::string& path) {
  const store::OutputPlace place = store::output_place(path);
  return place.is_zarr || place.is_hdf5 || place.extension == ".precomputed";
}

std::vector<core::Vec3> storage_units(const std::string& output, const core::Vec3& shape) {
  if (!stores_blocks(output)) {
    return {{1, shape[1], shape[2]}};
  }
  if (shape[0] == 1) {
    return {{1, 2048, 2048}, {1, 512, 512}};
  }
  std::vector<core::Vec3> units{{64, 512, 512}, {64, 256, 256}, {64, 128, 128}};
  const store::OutputPlace place = store::output_place(output);
  if (place.is_zarr) {
    units.push_back({32, 64, 64});
    units.push_back({8, 64, 64});
  } else {
    units.push_back(place.is_hdf5 ? core::Vec3{32, 64, 64} : core::Vec3{64, 64, 64});
  }
  return units;
}

std::string probabilities_path(const std::string& output, int channels) {
  std::string path = sibling_path(output, "probabilities");
  const std::string extension = store::output_place(path).extension;
  if (channels > 1 && (extension == ".png" || extension.empty())) {
    path = fs::path(path).replace_extension(".tif").string();
  }
  return path;
}

std::string instances_path(const std::string& output) {
  const std::string path = sibling_path(output, "instances");
  return stores_blocks(output) ? path : fs::path(path).replace_extension(".tif").string();
}

std::string raw_path(const std::string& output) {
  const fs::path path = outside_path(output, "raw");
  return (path.parent_path() / ("." + path.filename().string() + ".zarr")).string();
}

std::unique_ptr<store::OutputVolume> create_output(const std::string& path,
                                                   store::CreateOptions how,
                                                   const core::Vec3& unit) {
  const store::OutputPlace place = store::output_place(path);
  if (place.is_zarr || place.is_hdf5) {
    how.shard = unit;
  }
  if (place.is_zarr) {
    how.chunk = chunk_in(unit);
  } else {
    how.pyramid_levels = 0;
  }
  if (!place.extension.empty()) {
    how.slice_names.clear();
  }
  return store::create(path, how);
}

engine::VolumeTarget target_of(store::OutputVolume* volume, const core::Vec3& unit) {
  if (volume == nullptr) {
    return {};
  }
  for (std::size_t a = 0; a < 3; ++a) {
    if (unit[a] < volume->shape()[a] && unit[a] % volume->write_unit()[a] != 0) {
      throw Error(ErrorKind::internal,
                  fmt::format("'{}' stores units of {}, blocks are of {}", volume->info().source,
                              core::to_string(volume->write_unit()), core::to_string(unit)));
    }
  }
  return {volume, [volume](const core::Box3& box) { return volume->is_written(box); }};
}

}  // namespace retina::pipeline
