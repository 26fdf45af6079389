#pragma once

namespace retina::core {

/// Of this program, as in CMakeLists.txt.
inline constexpr const char* kProgramVersion = "0.1.0";

}  // namespace retina::core
