#include "retina/store/tiff/tiff_handle.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>
#include <tiffio.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

/// libtiff reports to one handler for the whole process but calls it in the thread that called
/// libtiff.
thread_local std::string last_message;
thread_local bool jpeg_has_warned = false;

void format_message(const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  last_message = text.data();
}

void keep_error(const char*, const char* format, va_list arguments) {
  format_message(format, arguments);
}

/// Most warnings are private tags and the like: nothing the user can act on.
void keep_warning(const char* module, const char* format, va_list arguments) {
  if (module != nullptr && std::string_view(module) == "JPEGLib") {
    format_message(format, arguments);
    jpeg_has_warned = true;
  }
}

void catch_messages() {
  static const bool is_set = [] {
    TIFFSetErrorHandler(keep_error);
    TIFFSetWarningHandler(keep_warning);
    return true;
  }();
  static_cast<void>(is_set);
}

}  // namespace

TiffHandle::TiffHandle(const fs::path& path, const char* mode) : path_(path), tiff_(nullptr) {
  catch_messages();
  forget_messages();
  tiff_ = TIFFOpen(path.c_str(), mode);
  if (tiff_ == nullptr) {
    fail("it cannot be opened");
  }
}

TiffHandle::~TiffHandle() {
  if (tiff_ != nullptr) {
    TIFFClose(tiff_);
  }
}

void TiffHandle::forget_messages() const {
  last_message.clear();
  jpeg_has_warned = false;
}

bool TiffHandle::has_jpeg_warning() const {
  return jpeg_has_warned;
}

void TiffHandle::fail(const std::string& what) const {
  throw bad_file(path_, last_message.empty() ? what : fmt::format("{} ({})", what, last_message),
                 "a complete TIFF file", "the file is damaged or cut short: get a fresh copy");
}

}  // namespace retina::store
