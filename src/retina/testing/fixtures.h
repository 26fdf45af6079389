#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "retina/testing/source_dir.h"

namespace retina::testing {

/// The folder that `variable` names, relative to the source tree, else ../shared/NAME beside it.
inline std::filesystem::path shared_root(const char* variable, const char* name) {
  const char* value = std::getenv(variable);
  if (value != nullptr && *value != '\0') {
    return source_dir() / value;  // itself, if absolute
  }
  return source_dir() / ".." / "shared" / name;
}
inline std::filesystem::path parity_root() {
  return shared_root("RETINA_PARITY", "parity");
}
inline std::filesystem::path data_root() {
  return shared_root("RETINA_DATA", "data");
}
inline std::filesystem::path peers_root() {
  return shared_root("RETINA_PEERS", "peers");
}

}  // namespace retina::testing

/// Skips the test, naming what is absent.
#define RETINA_SKIP_WITHOUT(path)                  \
  if (!std::filesystem::exists(path)) {            \
    GTEST_SKIP() << "absent: " << (path).string(); \
  }                                                \
  static_assert(true)
