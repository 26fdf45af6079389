#include "retina/core/file_error.h"

#include <cerrno>
#include <string>

namespace retina::core {

ErrorKind kind_of_errno(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return ErrorKind::resource;
    default:
      return ErrorKind::bad_data;
  }
}

const char* remedy_of_errno(int code) {
  switch (code) {
    case EMFILE:
    case ENFILE:
      return "close other programs, or raise the limit of open files (ulimit -n)";
    case EACCES:
    case EPERM:
      return "change the permissions, or choose another place";
    case ENOENT:
    case ENOTDIR:
      return "check the path";
    case EROFS:
      return "choose a place that can be written";
    case ELOOP:
      return "a symbolic link leads back to itself: name the file itself";
    case EIO:
      return "the disk or the network failed: check it, and copy the file again";
    default:
      return kind_of_errno(code) == ErrorKind::resource ? "free some space or choose another place"
                                                        : "";
  }
}

Error error_of(const std::filesystem::filesystem_error& error) {
  const std::string second = error.path2().empty() ? "" : " -> " + error.path2().string();
  const int code = error.code().value();
  return Error(kind_of_errno(code), Problem{.subject = error.path1().string() + second,
                                            .found = error.code().message(),
                                            .expected = {},
                                            .remedy = remedy_of_errno(code)});
}

}  // namespace retina::core
