#include "retina/pipeline/evaluate/class_selection.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// The entry "id" or "id=name"; empty for a plain name.
std::optional<NamedClass> with_id(const std::string& entry) {
  const auto equals = entry.find('=');
  const auto id = whole_number(std::string_view(entry).substr(0, equals));
  if (!id) {
    return std::nullopt;
  }
  return NamedClass{*id, equals == std::string::npos ? "class " + entry : entry.substr(equals + 1)};
}

}  // namespace

std::vector<NamedClass> parse_classes(const std::vector<std::string>& entries) {
  std::vector<NamedClass> classes;
  std::vector<Problem> problems;
  std::set<std::int64_t> ids;
  const bool has_background = !entries.empty() && entries.front() == "background";
  const auto plain = static_cast<std::size_t>(std::count_if(
      entries.begin(), entries.end(), [](const std::string& e) { return !with_id(e); }));
  if (plain != 0 && plain != entries.size()) {
    problems.push_back({.subject = "classes",
                        .found = "names with and without ids",
                        .expected = "all as names, or all as ids",
                        .remedy = "write id=name for each, such as 1=mitochondria"});
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i) + (has_background ? 0 : 1);
    const NamedClass entry = with_id(entries[i]).value_or(NamedClass{position, entries[i]});
    if (entry.name.empty() || entry.name.find('=') != std::string::npos) {
      problems.push_back({.subject = "classes",
                          .found = fmt::format("'{}'", entries[i]),
                          .expected = "a name, an id, or id=name",
                          .remedy = ""});
    } else if (!ids.insert(entry.id).second) {
      problems.push_back({.subject = "classes",
                          .found = fmt::format("id {} twice", entry.id),
                          .expected = "each class once",
                          .remedy = ""});
    }
    if (!(has_background && i == 0)) {
      classes.push_back(entry);
    }
  }
  throw_if_any(ErrorKind::usage, "the classes cannot be read", problems);
  return classes;
}

}  // namespace retina::pipeline
