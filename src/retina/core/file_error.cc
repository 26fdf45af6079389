#include "retina/core/file_error.h"

#include <cerrno>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace retina::core {

namespace {

/// "cannot rename: REASON", out of "filesystem error: cannot rename: REASON [PATHS]".
std::string failed_operation(const std::filesystem::filesystem_error& error) {
  constexpr std::string_view kPrefix = "filesystem error: ";
  const std::string reason = error.code().message();
  const std::string_view what = error.what();
  const std::size_t end = what.find(": " + reason, kPrefix.size());
  if (!what.starts_with(kPrefix) || end == std::string_view::npos) {
    return reason;
  }
  return fmt::format("{}: {}", what.substr(kPrefix.size(), end - kPrefix.size()), reason);
}

std::string without_calls(std::string_view what) {
  return std::string(what.substr(0, what.find("\nException raised from")));
}

}  // namespace

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
  const std::string first =
      error.path1().empty() ? "" : fmt::format("'{}'", error.path1().string());
  const std::string second =
      error.path2().empty() ? "" : fmt::format(" -> '{}'", error.path2().string());
  const int code = error.code().value();
  return Error(kind_of_errno(code), Problem{.subject = first + second,
                                            .found = failed_operation(error),
                                            .expected = {},
                                            .remedy = remedy_of_errno(code)});
}

Error error_of(const std::exception& error) {
  if (const auto* own = dynamic_cast<const Error*>(&error)) {
    return *own;
  }
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return error_of(*file);
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return {ErrorKind::resource, "out of memory; lower --max-ram or the batch"};
  }
  if (dynamic_cast<const std::system_error*>(&error) != nullptr) {  // such as a thread not started
    return {ErrorKind::resource, error.what()};
  }
  return {ErrorKind::internal, without_calls(error.what())};
}

}  // namespace retina::core
