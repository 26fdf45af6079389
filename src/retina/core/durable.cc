#include "retina/core/durable.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "retina/core/file_error.h"
#include "retina/core/replace_folder.h"

namespace retina::core {

namespace fs = std::filesystem;

void sync_file(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  const int code = errno;
  if (file >= 0) {
    ::close(file);
  }
  if (!is_synced) {
    throw system_failure(path, "cannot be written", code);
  }
}

void discard(const fs::path& path) {
  const fs::path old = replaced_path(path);
  fs::remove_all(old);
  if (fs::exists(fs::symlink_status(path))) {
    fs::rename(path, old);
    fs::remove_all(old);
  }
}

void remove_leftovers(const fs::path& folder) {
  std::vector<fs::path> leftovers;
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator();
       ++it) {
    const fs::path& path = it->path();
    const fs::path extension = path.extension();
    if (path.filename().string().starts_with('.') &&
        (extension == ".partial" || extension == ".lock" || extension == ".old")) {
      leftovers.push_back(path);
      it.disable_recursion_pending();
    }
  }
  for (const fs::path& path : leftovers) {
    fs::remove_all(path);
  }
}

Error system_failure(const fs::path& path, std::string_view what, int code) {
  return Error(kind_of_errno(code),
               Problem{.subject = fmt::format("'{}'", path.string()),
                       .found = fmt::format("{}: {}", what, std::strerror(code)),
                       .remedy = remedy_of_errno(code)});
}

}  // namespace retina::core
