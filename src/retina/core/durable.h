#pragma once

#include <filesystem>
#include <string_view>

#include "retina/core/error.h"

namespace retina::core {

/// Makes what was written to a file durable; resource or bad_data error if the disk refuses.
void sync_file(const std::filesystem::path& path);

/// Removes a file or folder so that no part of it is ever seen under its name, and what an earlier
/// call left that was killed; nothing if neither is there.
void discard(const std::filesystem::path& path);

/// Removes what processes that died left half done in a folder and below: hidden entries whose
/// names end in .partial, .old or .lock. Nobody else may be writing there.
void remove_leftovers(const std::filesystem::path& folder);

/// The error for errno `code` of an operation on `path`, such as "cannot be read".
Error system_failure(const std::filesystem::path& path, std::string_view what, int code);

}  // namespace retina::core
