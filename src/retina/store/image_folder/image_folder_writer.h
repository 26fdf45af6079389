#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// A folder of PNG files, one for each z, named by options.slice_names or by the zero-padded index.
/// Boxes of whole slices are written without reading; parts of a slice are merged into the slice
/// stored.
std::unique_ptr<OutputVolume> create_image_folder(const Location& location,
                                                  const CreateOptions& options);

/// The same for one slice that becomes one PNG file.
std::unique_ptr<OutputVolume> create_png(const Location& location, const CreateOptions& options);

/// What a folder holds besides PNG files.
std::vector<std::string> foreign_in_image_folder(const std::filesystem::path& folder,
                                                 const CreateOptions& options);

}  // namespace retina::store
