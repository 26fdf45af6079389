#pragma once

#include <filesystem>

namespace retina::pipeline {

/// usage error where `output` is a file, or a folder with something in it that is no comparison:
/// its tables and report would take the place of files that are not its own.
void refuse_foreign_folder(const std::filesystem::path& output);

}  // namespace retina::pipeline
