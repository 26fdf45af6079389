#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "retina/testing/source_dir.h"

namespace retina::testing {

/// Runs `SCRIPT VERB FOLDER` of tests/conformance with the tools' Python and returns what it
/// printed; fails the test unless it succeeds.
inline std::string run_script(const std::string& script, const std::string& verb,
                              const std::filesystem::path& folder) {
  const std::string path = (source_dir() / "tests/conformance" / script).string();
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 '" + tools_python().string() + "' '" +
                              path + "' " + verb + " '" + folder.string() + "' 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr) {
    text += line.data();
  }
  EXPECT_EQ(::pclose(pipe), 0) << text;
  return text;
}

}  // namespace retina::testing
