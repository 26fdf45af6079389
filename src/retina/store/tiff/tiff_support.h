#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retina/store/tiff/tiff_directory.h"

namespace retina::store {

/// The most that one stored byte can expand to under a compression (its number in the TIFF tag).
std::int64_t tiff_max_ratio(std::uint32_t compression);

/// bad_data unless the page is of a kind that is read: values, colours, compression; and unless
/// pixels of the size it claims can come out of a file of `file_bytes`.
void require_readable_page(const std::filesystem::path& path, const TiffDirectory& page,
                           std::uint64_t file_bytes);

/// Says what is not applied or left out: colour tables, inverted grey, alpha, orientation.
std::vector<std::string> how_values_are_read(const TiffDirectory& page);

}  // namespace retina::store
