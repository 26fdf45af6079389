#include "retina/store/image_files.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "retina/core/file.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

namespace fs = std::filesystem;

bool has_image_name(const fs::path& file) {
  constexpr std::array<std::string_view, 5> kExtensions{".png", ".tif", ".tiff", ".jpg", ".jpeg"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension_of(file)) != kExtensions.end();
}

bool is_image_file(const fs::path& file) {
  return has_image_name(file) || is_recognised(file.string());
}

std::vector<fs::path> image_files(const fs::path& folder) {
  if (!fs::is_directory(folder) || is_container(folder.string())) {
    return {};
  }
  std::vector<fs::path> files = core::list_files(folder);
  std::erase_if(files, [](const fs::path& file) { return !is_image_file(file); });
  return files;
}

std::string image_stem(const fs::path& file) {
  const fs::path stem = file.stem();
  const bool has_second_extension =
      extension_of(stem) == ".ome" || (extension_of(file) == ".gz" && stem.has_extension());
  return (has_second_extension ? stem.stem() : stem).string();
}

std::string item_stem(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '_');
  constexpr std::array<std::string_view, 15> kVolumes{".nrrd", ".nhdr", ".mha", ".mhd",  ".mrc",
                                                      ".mrcs", ".rec",  ".map", ".st",   ".ali",
                                                      ".nii",  ".hdr",  ".img", ".zarr", ".h5"};
  const bool is_file =
      has_image_name(name) || name.ends_with(".nii.gz") ||
      std::find(kVolumes.begin(), kVolumes.end(), extension_of(name)) != kVolumes.end();
  return is_file ? image_stem(name) : name;
}

}  // namespace retina::store
