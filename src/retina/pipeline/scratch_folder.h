#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "retina/core/error.h"

namespace retina::pipeline {

/// A temporary folder that goes with its owner. resource error if it cannot be made.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "retina-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorKind::resource, Problem{.subject = name, .found = "cannot be made"});
    }
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;  // what cannot be removed is left to the system's temporary folder
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace retina::pipeline
