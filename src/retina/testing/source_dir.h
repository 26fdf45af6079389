#pragma once

#include <filesystem>

namespace retina::testing {

/// Root of the source tree that the tests were built from.
std::filesystem::path source_dir();

/// Python of the tools environment, which `./dev test` makes; need not exist.
std::filesystem::path tools_python();

}  // namespace retina::testing
