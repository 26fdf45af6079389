#include "retina/core/replace_folder.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>

namespace retina::core {
namespace {

namespace fs = std::filesystem;

/// Exchanges two names in one step; false where the file system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
#ifdef RENAME_EXCHANGE
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
#else
  return false;
#endif
}

}  // namespace

fs::path replaced_path(const fs::path& folder) {
  const fs::path named = folder.has_filename() ? folder : folder.parent_path();
  return named.parent_path() / ("." + named.filename().string() + ".old");
}

void replace_folder(const fs::path& fresh, const fs::path& place) {
  const fs::path old = replaced_path(place);
  fs::remove_all(old);
  if (exchange(fresh, place)) {
    fs::rename(fresh, old);  // a half-removed folder must not keep the name of work in progress
  } else {
    fs::rename(place, old);
    fs::rename(fresh, place);
  }
  fs::remove_all(old);
}

void recover_replaced(const fs::path& place) {
  const fs::path old = replaced_path(place);
  if (!fs::exists(old)) {
    return;
  }
  if (fs::exists(place)) {
    fs::remove_all(old);
  } else {
    std::error_code failed;
    fs::rename(old, place, failed);
    if (failed && !fs::exists(place)) {  // else another process that resumes was first
      throw fs::filesystem_error("cannot be put back", old, place, failed);
    }
  }
}

}  // namespace retina::core
