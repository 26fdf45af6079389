#pragma once

#include <exception>
#include <filesystem>

#include "retina/core/error.h"

namespace retina::core {

/// What an operating-system error about a file means to the user: a full disk or too many open
/// files is a lack of a resource, all else (no permission, read-only, absent) is bad data.
ErrorKind kind_of_errno(int code);
/// What to do about it; empty where the error says it all.
const char* remedy_of_errno(int code);

/// The error of the standard library as one of ours: subject, cause, remedy.
Error error_of(const std::filesystem::filesystem_error& error);
/// Any exception as one of ours: our own as it is, the standard library's as what they mean to the
/// user, all else as a defect of the program, without the list of calls that torch appends.
Error error_of(const std::exception& error);

}  // namespace retina::core
