#pragma once

#include <filesystem>

namespace retina::core {

/// Where a folder that is being replaced lies meanwhile: ".NAME.old" beside it.
std::filesystem::path replaced_path(const std::filesystem::path& folder);

/// Puts the folder `fresh` where the folder `place` is, and removes what was there. At any moment
/// `place` holds the one or the other whole, where the file system can exchange two names at once
/// (all usual ones of Linux can); elsewhere recover_replaced() mends a kill in between.
void replace_folder(const std::filesystem::path& fresh, const std::filesystem::path& place);

/// Puts back what replace_folder() had set aside when the process died before the new folder was
/// in place; removes it if the new one is there.
void recover_replaced(const std::filesystem::path& place);

}  // namespace retina::core
