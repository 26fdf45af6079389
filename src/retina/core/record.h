#pragma once

#include <string>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/options.h"

/// Records: JSON that the program writes for a later run of itself (checkpoints, cells of a grid,
/// what a run moved). They are bound as options are, but what is wrong with one is no mistake of
/// the user: it is bad_data that names the file.
namespace retina::core {

/// Reads `record`, of the file `source`, over the present value of `out`.
template <class T>
void from_record(T& out, const Json& record, const std::string& source) {
  try {
    from_json_value(out, record, "");
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, error.what()).within(source);
  }
}

/// The member `key` of a record that is a table; `otherwise` where it has none.
template <class T>
T member_of(const Json& record, const std::string& key, const std::string& source,
            T otherwise = {}) {
  if (!record.is_object()) {
    throw Error(ErrorKind::bad_data, Problem{.subject = source,
                                             .found = record.type_name(),
                                             .expected = "a table of key: value"});
  }
  if (const auto found = record.find(key); found != record.end()) {
    from_record(otherwise, *found, fmt::format("{}: {}", source, key));
  }
  return otherwise;
}

}  // namespace retina::core
