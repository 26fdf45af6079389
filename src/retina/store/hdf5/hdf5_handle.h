#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <hdf5.h>

#include "retina/core/crash_guard.h"

namespace retina::store {

/// Held around every call into the HDF5 library, which is not safe for threads; it also keeps the
/// library from printing its errors. May be taken again by the thread that holds it.
class Hdf5Lock {
 public:
  Hdf5Lock();
  /// To read a file of anybody: version 1.10 of the library copies beyond its memory in some
  /// damaged ones. A crash in it then ends the process with exit code 3 and the name of the file.
  explicit Hdf5Lock(const std::filesystem::path& reading);

 private:
  std::lock_guard<std::recursive_mutex> lock_;
  std::optional<core::CrashGuard> guard_;
};

/// An identifier of the HDF5 library that closes itself.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  ~Hdf5Handle();

  hid_t get() const { return id_; }
  bool is_open() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Throws if `result` of a call of the library is negative: bad_data naming the file, what failed
/// and why; where the system refused, its error (resource if the disk is full).
void require_hdf5(std::int64_t result, const std::filesystem::path& file, const std::string& what);

/// The handle, checked by require_hdf5.
Hdf5Handle open_hdf5_handle(hid_t id, Hdf5Handle::Close close, const std::filesystem::path& file,
                            const std::string& what);

}  // namespace retina::store
