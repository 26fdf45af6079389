#include "retina/store/location.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>

#include <unistd.h>

#include "retina/core/durable.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

std::string strip_slashes(std::string_view text) {
  while (!text.empty() && text.front() == '/') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == '/') {
    text.remove_suffix(1);
  }
  return std::string(text);
}

std::string without_trailing_slash(std::string_view text) {
  while (text.size() > 1 && text.back() == '/') {
    text.remove_suffix(1);
  }
  return std::string(text);
}

/// Takes ":c=N" or ",c=N" off the end.
std::optional<int> take_channel(std::string& text) {
  const std::size_t at = text.find_last_of(":,");
  if (at == std::string::npos || at == 0 || text.compare(at + 1, 2, "c=") != 0) {
    return std::nullopt;
  }
  int channel = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data() + at + 3, end, channel);
  if (code != std::errc() || stop != end || channel < 0) {
    return std::nullopt;
  }
  text.resize(at);
  return channel;
}

/// Outputs that do not exist yet are split too.
bool is_container_name(const fs::path& path) {
  constexpr std::array<std::string_view, 4> kContainers{".zarr", ".h5", ".hdf5", ".hdf"};
  return std::find(kContainers.begin(), kContainers.end(), extension_of(path)) != kContainers.end();
}

}  // namespace

Location parse_location(const std::string& text) {
  std::string plain = without_trailing_slash(text);
  Location location{.text = text, .file = plain, .inner = {}};
  std::error_code
      ignored;  // an unreadable folder on the way: the name as a whole is reported later
  if (fs::exists(location.file, ignored)) {
    return location;
  }
  location.channel = take_channel(plain);
  location.file = without_trailing_slash(plain);
  if (location.channel && fs::exists(location.file, ignored)) {
    return location;
  }
  for (std::size_t colon = plain.rfind(':'); colon != std::string::npos && colon > 0;
       colon = plain.rfind(':', colon - 1)) {
    const fs::path container = without_trailing_slash(plain.substr(0, colon));
    if (fs::exists(container, ignored) || is_container_name(container)) {
      location.file = container;
      location.inner = strip_slashes(std::string_view(plain).substr(colon + 1));
      break;
    }
  }
  return location;
}

fs::path folder_of(const Location& location) {
  return location.inner.empty() ? location.file : location.file / location.inner;
}

void refuse_inner_path(const Location& location) {
  if (!location.inner.empty()) {
    throw bad_file(location.file, "a file of one image, asked for '" + location.inner + "'",
                   "a path without ':'", "leave out what follows the colon");
  }
}

std::string extension_of(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

bool begins_with(const fs::path& file, std::string_view magic) {
  if (!fs::is_regular_file(file)) {
    return false;
  }
  std::ifstream in(file, std::ios::binary);
  std::string start(magic.size(), '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  return in.gcount() == static_cast<std::streamsize>(magic.size()) && start == magic;
}

bool is_present(const fs::path& path) {
  std::error_code error;
  const bool found = fs::exists(path, error);
  if (error) {
    throw bad_file(path, error.message(), "a file that can be looked for",
                   "check the permissions of its folder");
  }
  return found;
}

void require_readable(const fs::path& path) {
  std::error_code ignored;  // access() tells it again
  const int mode = fs::is_directory(path, ignored) ? R_OK | X_OK : R_OK;
  if (::access(path.c_str(), mode) != 0 && errno != ENOENT && errno != ENOTDIR) {
    throw core::system_failure(path, "cannot be read", errno);
  }
}

std::int64_t size_of_file(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (error) {
    throw bad_file(file, error.message(), "a readable file", "check the path and its permissions");
  }
  return static_cast<std::int64_t>(size);
}

}  // namespace retina::store
