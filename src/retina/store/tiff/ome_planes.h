#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "retina/store/tiff/ome_xml.h"
#include "retina/store/tiff/tiff_directory.h"

namespace retina::store {

/// The pages of an OME image in its own order.
struct OmePlanes {
  std::vector<std::size_t> pages;  ///< directories
  std::vector<TiffAxis> axes;      ///< of `pages`, slowest first, none of size 1
};

/// The image that `series` names, or the only one. bad_data listing the images if there are
/// several, or if their description lies in another file.
const OmeImage& choose_ome_image(const std::filesystem::path& path, const OmeDocument& document,
                                 std::optional<std::int64_t> series);

/// Follows the TiffData elements. bad_data if planes lie in other files, are missing, or are not
/// what the description says.
OmePlanes locate_ome_planes(const std::filesystem::path& path, const OmeDocument& document,
                            const OmeImage& image, const TiffContents& contents);

}  // namespace retina::store
