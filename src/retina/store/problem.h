#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::store {

/// The bad_data error of every reader: which file, what was found, what was expected, what to do.
inline Error bad_file(const std::filesystem::path& file, std::string found, std::string expected,
                      std::string remedy) {
  return Error(ErrorKind::bad_data, Problem{.subject = fmt::format("'{}'", file.string()),
                                            .found = std::move(found),
                                            .expected = std::move(expected),
                                            .remedy = std::move(remedy)});
}

}  // namespace retina::store
