#pragma once

#include <filesystem>
#include <string>

struct tiff;  // libtiff's handle type

namespace retina::store {

/// An open libtiff handle. Messages of libtiff are caught, per thread, and end up in errors that
/// name the file.
class TiffHandle {
 public:
  TiffHandle(const std::filesystem::path& path, const char* mode);
  ~TiffHandle();
  TiffHandle(const TiffHandle&) = delete;
  TiffHandle& operator=(const TiffHandle&) = delete;

  ::tiff* get() const { return tiff_; }
  /// Forgets earlier messages of this thread.
  void forget_messages() const;
  /// True if the JPEG decoder, which fills in what is damaged, has complained since
  /// forget_messages().
  bool has_jpeg_warning() const;
  /// bad_data with libtiff's latest message in this thread.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::filesystem::path path_;
  ::tiff* tiff_;
};

}  // namespace retina::store
