#pragma once

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "retina/testing/source_dir.h"

namespace retina::testing {

/// Python of the environment that supplies torch, where the build made one; need not exist.
inline std::filesystem::path torch_python() {
  return source_dir() / ".venv/bin/python";
}

/// Runs `SCRIPT ARGUMENTS` of tests/conformance and returns what it printed; fails the test unless
/// it succeeds.
inline std::string run_python(const std::filesystem::path& python, const std::string& script,
                              const std::string& arguments) {
  const std::string path = (source_dir() / "tests/conformance" / script).string();
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 '" + python.string() + "' -W ignore '" +
                              path + "' " + arguments + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  std::array<char, 256> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr) {
    text += line.data();
  }
  EXPECT_EQ(::pclose(pipe), 0) << text;
  return text;
}

/// The same with the tools' Python, for scripts that are called as `SCRIPT VERB FOLDER`.
inline std::string run_script(const std::string& script, const std::string& verb,
                              const std::filesystem::path& folder) {
  return run_python(tools_python(), script, verb + " '" + folder.string() + "'");
}

}  // namespace retina::testing
