#include "retina/store/hdf5/hdf5_handle.h"

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace {

std::recursive_mutex& hdf5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(hdf5_mutex()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // a setting of each thread
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) {
    const Hdf5Lock lock;
    close_(id_);
  }
}

std::string hdf5_reason() {
  std::string reason;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned position, const H5E_error2_t* error, void* out) -> herr_t {
        if (position == 0 && error->desc != nullptr) {
          *static_cast<std::string*>(out) = error->desc;
        }
        return 0;
      },
      &reason);
  return reason.empty() ? "no reason given" : reason;
}

void require_hdf5(std::int64_t result, const std::filesystem::path& file, const std::string& what) {
  if (result >= 0) {
    return;
  }
  const std::string reason = hdf5_reason();
  for (const char* full : {"errno = 27", "errno = 28", "errno = 122"}) {  // EFBIG, ENOSPC, EDQUOT
    if (reason.find(full) != std::string::npos) {
      throw Error(ErrorKind::resource, Problem{.subject = fmt::format("'{}'", file.string()),
                                               .found = fmt::format("{}: {}", what, reason),
                                               .expected = "space on the disk",
                                               .remedy = "free some space or write elsewhere"});
    }
  }
  throw bad_file(file, fmt::format("{}: {}", what, reason), "a readable HDF5 file",
                 "the file is damaged, or another program is writing it: get a fresh copy");
}

Hdf5Handle open_hdf5_handle(hid_t id, Hdf5Handle::Close close, const std::filesystem::path& file,
                            const std::string& what) {
  require_hdf5(id, file, what);
  return {id, close};
}

}  // namespace retina::store
