#include "retina/store/hdf5/hdf5_handle.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/durable.h"
#include "retina/core/file_error.h"
#include "retina/store/problem.h"

namespace retina::store {

namespace {

std::recursive_mutex& hdf5_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

/// At the end of the process the library closes what is open, and follows dead pointers where a
/// full disk kept a file from being closed. Handles close themselves: nothing is left for it to do.
void keep_library_from_exiting() {
  static const herr_t once = H5dont_atexit();  // before any other call
  static_cast<void>(once);
}

/// What the library reports about its last failure: the most specific message, in one line.
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
  std::replace(reason.begin(), reason.end(), '\n', ' ');  // it prints times as ctime() does
  return reason.empty() ? "no reason given" : reason;
}

/// errno where the message is about a call of the system, else 0.
int errno_in(const std::string& reason) {
  constexpr std::string_view kMark = "errno = ";
  const std::size_t at = reason.find(kMark);
  return at == std::string::npos ? 0 : std::atoi(reason.c_str() + at + kMark.size());
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(hdf5_mutex()) {
  keep_library_from_exiting();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // a setting of each thread
}

Hdf5Lock::Hdf5Lock(const std::filesystem::path& reading) : Hdf5Lock() {
  guard_.emplace(fmt::format("'{}': damaged: the HDF5 library failed on it; get a fresh copy",
                             reading.string()));
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) {
    const Hdf5Lock lock;
    close_(id_);
  }
}

void require_hdf5(std::int64_t result, const std::filesystem::path& file, const std::string& what) {
  if (result >= 0) {
    return;
  }
  const std::string reason = hdf5_reason();
  const int code = errno_in(reason);
  if (*core::remedy_of_errno(code) != '\0') {
    // of the library's message its head: the rest are addresses and sizes in memory
    const std::string head = reason.substr(0, reason.find(':'));
    throw core::system_failure(file, fmt::format("{}: {}", what, head), code);
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
