#include "retina/store/n5/n5.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/folder_walk.h"
#include "retina/store/n5/n5_block.h"
#include "retina/store/n5/n5_metadata.h"
#include "retina/store/problem.h"
#include "retina/store/zarr/array_axes.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr const char* kAttributes = "attributes.json";
constexpr const char* kFullSize = "s0";

/// Empty for a group without attributes.
Json read_attributes(const fs::path& folder) {
  const fs::path file = folder / kAttributes;
  if (!fs::exists(file)) {
    return Json::object();
  }
  Json json = core::read_json(file);
  if (!json.is_object()) {
    throw bad_file(file, "no JSON object", "N5 attributes", "get a fresh copy");
  }
  return json;
}

template <class Parse>
auto within_attributes(const fs::path& folder, Parse parse) {
  try {
    return parse();
  } catch (const Error& error) {
    throw error.within(fmt::format("'{}'", (folder / kAttributes).string()));
  }
}

class N5Volume final : public core::Volume {
 public:
  N5Volume(core::VolumeInfo info, fs::path root, N5Metadata metadata)
      : Volume(std::move(info)),
        root_(std::move(root)),
        metadata_(std::move(metadata)),
        axes_(root_, info_.axes, metadata_.shape),
        block_(axes_.canonical(metadata_.block)) {
    const Index4 shape = axes_.canonical(metadata_.shape);
    info_.dtype = metadata_.dtype;
    info_.channels = static_cast<int>(shape[0]);
    info_.shape = {shape[1], shape[2], shape[3]};
    info_.chunk = {block_[1], block_[2], block_[3]};
    for (std::size_t i = 0; i < 4; ++i) {
      grid_.push_back((shape[i] + block_[i] - 1) / block_[i]);
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const Block4 wanted = with_channels(box, info_.channels);
    core::Array values = make_array(info_.dtype, wanted.shape);
    for_each_cell(wanted, block_, [&](const Index4& index) {
      const fs::path file = block_path(index);
      if (!fs::exists(file)) {
        return;  // zeros
      }
      const std::int64_t number =
          ((index[0] * grid_[1] + index[1]) * grid_[2] + index[2]) * grid_[3] + index[3];
      const auto block = cache_.get(number, [&] { return decode(file); });
      copy_block(*block, cell_block(index, block_).start, values, wanted.start);
    });
    return values;
  }

 private:
  fs::path block_path(const Index4& index) const {
    const Sides stored = axes_.stored(index);
    fs::path path = root_;
    for (auto it = stored.rbegin(); it != stored.rend(); ++it) {
      path /= std::to_string(*it);
    }
    return path;
  }

  core::Array decode(const fs::path& file) const {
    constexpr std::int64_t kSlack = std::int64_t{1} << 20;
    const std::int64_t size = size_of_file(file);
    if (std::cmp_greater(size, 2 * metadata_.block_bytes() + kSlack)) {
      throw bad_file(file, fmt::format("{} bytes", size),
                     fmt::format("a block of {} bytes", metadata_.block_bytes()),
                     "the file is damaged: get a fresh copy");
    }
    const std::vector<std::byte> bytes = core::read_bytes(file);
    try {
      return axes_.arrange(decode_n5_block(bytes, metadata_), metadata_.dtype, metadata_.block);
    } catch (const Error& error) {
      throw error.within(fmt::format("'{}'", file.string()));
    }
  }

  fs::path root_;
  N5Metadata metadata_;
  ArrayAxes axes_;
  Index4 block_;
  std::vector<std::int64_t> grid_;
  CacheOwner cache_;
};

bool is_pyramid(const fs::path& folder) {
  return is_n5_dataset(read_attributes(folder / kFullSize));
}

/// Relative paths of the datasets below a group; a pyramid counts as one.
std::vector<std::string> datasets_below(const fs::path& group) {
  return folders_below(group, [](const fs::path& folder) {
    const bool is_dataset = is_n5_dataset(read_attributes(folder)) || is_pyramid(folder);
    return is_dataset ? Visit::list : Visit::descend;
  });
}

/// A dataset to open, and what is worth telling about the way to it.
struct FoundDataset {
  fs::path path;
  std::vector<std::string> notes = {};
};

FoundDataset find_dataset(const fs::path& folder, const Location& location) {
  if (is_n5_dataset(read_attributes(folder))) {
    return {folder};
  }
  if (is_pyramid(folder)) {
    return {folder / kFullSize};
  }
  const bool is_there = fs::is_directory(folder);
  const fs::path top = is_there ? folder : location.file;
  const std::vector<std::string> paths = datasets_below(top);
  if (is_there && paths.size() == 1) {
    FoundDataset found = find_dataset(folder / paths.front(), location);
    found.notes.push_back(fmt::format("'{}', all that the group holds, is read", paths.front()));
    return found;
  }
  if (paths.empty()) {
    throw bad_file(folder, "an N5 group without datasets", "one dataset",
                   "check that the copy is complete");
  }
  throw bad_file(top,
                 is_there ? fmt::format("an N5 group of {} datasets", paths.size())
                          : fmt::format("nothing at '{}'", location.inner),
                 fmt::format("one of: {}", listed_choices(top, paths)), "name one of these");
}

/// The level of a dataset named "s0", "s1", ...; 0 otherwise.
std::size_t level_of(const fs::path& dataset) {
  const std::string name = dataset.filename().string();
  const bool is_level = name.size() > 1 && name.size() < 4 && name[0] == 's' &&
                        name.find_first_not_of("0123456789", 1) == std::string::npos;
  return is_level ? std::stoul(name.substr(1)) : 0;
}

/// What the dataset states, else the nearest group above it within the container.
N5Scale stated_scale(const fs::path& dataset, const Json& attributes, std::size_t rank) {
  constexpr int kMostParents = 4;
  N5Scale scale = within_attributes(dataset, [&] { return parse_n5_scale(attributes, rank); });
  fs::path group = dataset;
  for (int i = 0; i < kMostParents && !scale.voxel_nm && group.has_parent_path(); ++i) {
    group = group.parent_path();
    const Json above = read_attributes(group);
    N5Scale stated = within_attributes(group, [&] { return parse_n5_scale(above, rank); });
    if (stated.voxel_nm) {
      stated.notes.insert(stated.notes.begin(), scale.notes.begin(), scale.notes.end());
      return stated;
    }
    for (std::string& note : stated.notes) {
      if (std::find(scale.notes.begin(), scale.notes.end(), note) == scale.notes.end()) {
        scale.notes.push_back(std::move(note));  // levels often repeat what the group says
      }
    }
    if (above.contains("n5")) {
      break;  // the root of the container
    }
  }
  return scale;
}

/// The scale of a dataset: what is stated for the full size, times the factors of its level.
N5Scale scale_of(const fs::path& dataset, const Json& attributes, std::size_t rank) {
  N5Scale scale = stated_scale(dataset, attributes, rank);
  if (!scale.voxel_nm || scale.is_of_level) {
    return scale;
  }
  const Json group = read_attributes(dataset.parent_path());
  const core::Vec3d factors = parse_n5_factors(attributes, group, level_of(dataset));
  core::Vec3d offset = scale.offset_nm.value_or(core::Vec3d{0, 0, 0});
  for (std::size_t i = 0; i < 3; ++i) {
    offset[i] += (*scale.voxel_nm)[i] * (factors[i] - 1) / 2;  // the middle of the first voxel
    (*scale.voxel_nm)[i] *= factors[i];
  }
  scale.offset_nm = offset;
  return scale;
}

}  // namespace

bool is_n5(const Location& location) {
  if (!fs::is_directory(location.file)) {
    return false;
  }
  const fs::path folder = folder_of(location);
  return extension_of(location.file) == ".n5" || fs::exists(location.file / kAttributes) ||
         fs::exists(folder / kAttributes);
}

std::vector<std::string> n5_datasets(const Location& location) {
  const fs::path folder = folder_of(location);
  const bool is_group =
      fs::is_directory(folder) && !is_pyramid(folder) && !is_n5_dataset(read_attributes(folder));
  return is_group ? datasets_below(folder) : std::vector<std::string>{""};
}

std::unique_ptr<core::Volume> open_n5(const Location& location, const OpenOptions& options) {
  const fs::path folder = folder_of(location);
  const FoundDataset found = find_dataset(folder, location);
  const Json attributes = read_attributes(found.path);
  N5Metadata metadata =
      within_attributes(found.path, [&] { return parse_n5_metadata(attributes); });
  const N5Scale scale = scale_of(found.path, attributes, metadata.shape.size());
  core::VolumeInfo info;
  info.source = location.text;
  info.format = "n5";
  info.voxel_nm = scale.voxel_nm;
  info.voxel_nm_source = scale.source;
  info.offset_nm = scale.offset_nm.value_or(core::Vec3d{0, 0, 0});
  info.notes = found.notes;
  info.notes.insert(info.notes.end(), scale.notes.begin(), scale.notes.end());
  if (!options.axes.empty()) {
    info.axes = options.axes;
  } else if (!scale.axes.empty()) {
    info.axes = scale.axes;
  } else if (metadata.shape.size() <= 3) {  // the format lists x, y, z
    info.axes = metadata.shape.size() == 2 ? "yx" : "zyx";
  } else {
    throw bad_file(found.path, fmt::format("{} dimensions without names", metadata.shape.size()),
                   "axes t, c, z, y, x",
                   "say which they are, slowest (in N5 the last) first: --axes czyx");
  }
  return std::make_unique<N5Volume>(std::move(info), found.path, std::move(metadata));
}

}  // namespace retina::store
