#pragma once

// What the targets have in common. A target takes any bytes and must come back: with a result, or
// with the one kind of error that a program shows to its user.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

#include "retina/core/error.h"
#include "retina/core/volume.h"
#include "retina/store/open.h"

namespace retina::fuzz {

/// A folder in memory for the files of one process, gone at its end.
class Scratch {
 public:
  Scratch() {
    const std::filesystem::path root = std::filesystem::exists("/dev/shm")
                                           ? std::filesystem::path("/dev/shm")
                                           : std::filesystem::temp_directory_path();
    folder_ = root / ("retina_fuzz_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() {
    std::error_code ignored;  // the next boot empties it
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// Writes a file, with the folders on its way, and gives its path.
  std::string file(const std::string& name, std::string_view bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path.string();
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

 private:
  std::filesystem::path folder_;
};

inline const Scratch& scratch() {
  static const Scratch one;
  return one;
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Calls `body`; errors for the user are fine, everything else is a finding.
template <class Body>
int refuses_or_works(Body body) {
  try {
    body();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::internal) {
      std::abort();
    }
  } catch (const std::filesystem::filesystem_error&) {
    return 0;  // the program words it for its user
  }
  return 0;
}

/// Opens what lies at `path` and reads it: whole if it is small, else a corner.
inline void open_and_read(const std::string& path) {
  constexpr std::int64_t kWhole = 1 << 20;
  const auto volume = store::open(path);
  core::Box3 box = core::whole(volume->shape());
  for (std::int64_t& side : box.shape) {
    side =
        box.voxels() * volume->info().channels > kWhole ? std::min<std::int64_t>(side, 32) : side;
  }
  volume->read(box);
}

}  // namespace retina::fuzz
