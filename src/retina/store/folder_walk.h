#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace retina::store {

/// What to do with a folder on a walk.
enum class Visit { list, descend, skip };

/// Paths, relative to `top` and in natural order, of the folders below it that `look` says to list.
/// Hidden folders are skipped, links are followed but no folder is visited twice, and the walk ends
/// at 6 levels, 1000 paths or 20000 folders: enough for a message, bounded for any tree.
std::vector<std::string> folders_below(
    const std::filesystem::path& top,
    const std::function<Visit(const std::filesystem::path&)>& look);

/// The paths as choices, "TOP:PATH, TOP:PATH, ...", at most 20 of them.
std::string listed_choices(const std::filesystem::path& top, const std::vector<std::string>& paths);

}  // namespace retina::store
