#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace retina::store {

/// True for the extensions of PNG, TIFF and JPEG.
bool has_image_name(const std::filesystem::path& file);

/// True for a file that is named like a still image (damaged ones are reported when they are
/// opened, not passed over), and for any other that a format recognises.
bool is_image_file(const std::filesystem::path& file);

/// The image files of a folder in natural order of their names; notes, thumbnails of file managers
/// and the like are left out. None of what is opened as a whole: a file, a Zarr group, a pack, ...
std::vector<std::filesystem::path> image_files(const std::filesystem::path& folder);

/// The name by which images, masks and predictions are paired, without extension: "a" of "a.png",
/// "a.ome.tif" and "a.nii.gz".
std::string image_stem(const std::filesystem::path& file);

/// The same of an item of a pack, as its file would be called. Items have names such as "a.png",
/// "a.mrc", "set/a", "a z=3", "a.v2": what is no extension of a file that is read here stays.
std::string item_stem(std::string name);

}  // namespace retina::store
