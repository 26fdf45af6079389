#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/store/tiff/tiff_directory.h"

namespace retina::store {

/// Pages of one kind: a candidate for the stack.
struct TiffGroup {
  std::vector<std::size_t> pages;
  TiffDirectory kind;              ///< of the first page
  std::vector<std::string> notes;  ///< what was left out
};

/// True if the pages agree in size, values and channels, so that they can be one stack.
bool is_same_kind_of_page(const TiffDirectory& a, const TiffDirectory& b);

/// The error of series `wanted` where there are `count`.
Error no_such_series(const std::filesystem::path& path, std::int64_t wanted, std::size_t count);

/// The group that `series` names, or the only one, or the full resolution beside its smaller copies
/// (which its notes say). Pages flagged as smaller copies or masks are in no group. bad_data
/// listing the groups if they are ambiguous.
TiffGroup choose_tiff_group(const std::filesystem::path& path, const TiffContents& contents,
                            std::optional<std::int64_t> series);

}  // namespace retina::store
