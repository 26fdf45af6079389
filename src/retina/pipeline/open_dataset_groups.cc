#include "retina/pipeline/open_dataset_groups.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

Problem no_group(const data::DataOptions& options) {
  const bool wants_masks = !options.masks.empty();
  const std::string& images = options.images;
  const std::string& masks = options.masks;
  return {.subject = options.path,
          .found = fs::exists(options.path)
                       ? fmt::format("no '{}' in it, nor in a folder of it", images)
                       : "nothing there",
          .expected = wants_masks
                          ? fmt::format("folders {} and {}, or VOLUME/{} and VOLUME/{}, or a pack",
                                        images, masks, images, masks)
                          : fmt::format("a folder {}, or VOLUME/{}, or a pack", images, images),
          .remedy = wants_masks ? "give the folders with --images and --masks"
                                : "give the folder with --images"};
}

}  // namespace

std::vector<DatasetGroup> find_groups(const data::DataOptions& options,
                                      std::vector<Problem>& problems) {
  const auto inside = [&](const fs::path& folder, const std::string& name) {
    return DatasetGroup{.name = name,
                        .images = (folder / options.images).string(),
                        .masks = options.masks.empty() ? "" : (folder / options.masks).string()};
  };
  if (options.path.empty()) {
    return {DatasetGroup{.name = {}, .images = options.images, .masks = options.masks}};
  }
  const fs::path root = options.path;
  if (exists_at(inside(root, "").images)) {
    return {inside(root, "")};
  }
  std::vector<DatasetGroup> groups;
  if (fs::is_directory(root)) {
    for (const auto& entry : fs::directory_iterator(root)) {
      if (exists_at(inside(entry.path(), "").images)) {
        groups.push_back(inside(entry.path(), entry.path().filename().string()));
      }
    }
  }
  std::sort(groups.begin(), groups.end(), [](const DatasetGroup& a, const DatasetGroup& b) {
    return core::natural_less(a.name, b.name);
  });
  if (groups.empty()) {
    problems.push_back(no_group(options));
  }
  return groups;
}

bool exists_at(const std::string& place) {
  return fs::exists(store::parse_location(place).file);
}

bool holds_images(const std::string& place, const data::DataOptions& options) {
  const store::Location location = store::parse_location(place);
  if (!location.inner.empty() || !fs::is_directory(location.file) || store::is_container(place)) {
    return false;
  }
  if (options.folder == data::FolderMeaning::automatic) {
    return std::all_of(options.axes.begin(), options.axes.end(),
                       [](const auto& a) { return a == "xy"; });
  }
  return options.folder == data::FolderMeaning::images;
}

}  // namespace retina::pipeline
