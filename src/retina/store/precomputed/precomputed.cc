#include "retina/store/precomputed/precomputed.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/file.h"
#include "retina/store/precomputed/precomputed_array.h"
#include "retina/store/precomputed/precomputed_metadata.h"
#include "retina/store/problem.h"
#include "retina/store/units.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kInfo = "info";
constexpr std::int64_t kMostInfoBytes = std::int64_t{16} << 20;

class PrecomputedVolume final : public core::Volume {
 public:
  PrecomputedVolume(core::VolumeInfo info, const fs::path& volume, const PrecomputedInfo& metadata,
                    const PrecomputedScale& scale)
      : Volume(std::move(info)), array_(volume, metadata, scale) {}

 protected:
  core::Array read_box(const core::Box3& box) const override { return array_.read(box, &cache_); }

 private:
  PrecomputedArray array_;
  CacheOwner cache_;
};

PrecomputedInfo read_info(const fs::path& volume) {
  const fs::path path = volume / kInfo;
  if (size_of_file(path) > kMostInfoBytes) {
    throw bad_file(path, fmt::format("{} bytes", size_of_file(path)),
                   "the metadata of a precomputed volume", "check the path");
  }
  try {
    return parse_precomputed(core::read_json(path));
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", path.string()));
  }
}

const PrecomputedScale& choose_scale(const Location& location, const PrecomputedInfo& metadata) {
  if (location.inner.empty()) {
    return metadata.scales.front();
  }
  std::vector<std::string> keys;
  for (const PrecomputedScale& scale : metadata.scales) {
    if (scale.key == location.inner) {
      return scale;
    }
    keys.push_back(scale.key);
  }
  throw bad_file(location.file, fmt::format("no scale '{}'", location.inner),
                 fmt::format("one of: {}", fmt::join(keys, ", ")),
                 "name one of these after the colon");
}

core::VolumeInfo describe_scale(const Location& location, const PrecomputedInfo& metadata,
                                const PrecomputedScale& scale) {
  core::VolumeInfo info;
  info.source = location.text;
  info.format = "neuroglancer precomputed";
  info.axes = metadata.channels > 1 ? "czyx" : "zyx";
  info.dtype = metadata.dtype;
  info.channels = metadata.channels;
  info.shape = scale.shape;
  info.chunk = scale.chunk;
  info.is_labels = metadata.is_labels;
  if (!metadata.is_voxel_size_known) {
    return info;
  }
  info.voxel_nm = scale.voxel_nm;
  info.voxel_nm_source = "precomputed resolution";
  const core::Vec3d& finest = metadata.scales.front().voxel_nm;
  for (std::size_t i = 0; i < 3; ++i) {
    // the format counts from a voxel's corner, this project from its centre: of two scales with
    // one corner the coarser begins later
    info.offset_nm[i] = round_significant(static_cast<double>(scale.start[i]) * scale.voxel_nm[i] +
                                              (scale.voxel_nm[i] - finest[i]) / 2,
                                          15);
  }
  if (finest == core::Vec3d{1, 1, 1}) {
    info.notes.emplace_back("voxels of 1 nm: some programs write this when the size is not known");
  }
  return info;
}

}  // namespace

bool is_precomputed(const Location& location) {
  const fs::path path = location.file / kInfo;
  if (!fs::is_directory(location.file)) {
    return false;
  }
  return extension_of(location.file) == ".precomputed" || begins_with(path, "{");
}

std::unique_ptr<core::Volume> open_precomputed(const Location& location,
                                               const OpenOptions& options) {
  const PrecomputedInfo metadata = read_info(location.file);
  const PrecomputedScale& scale = choose_scale(location, metadata);
  core::VolumeInfo info = describe_scale(location, metadata, scale);
  if (!options.axes.empty() && options.axes != info.axes) {
    throw bad_file(location.file, "axes " + info.axes, "axes " + options.axes,
                   "leave the axes out: the format defines them");
  }
  return std::make_unique<PrecomputedVolume>(std::move(info), location.file, metadata, scale);
}

}  // namespace retina::store
