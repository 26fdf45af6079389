#include "retina/core/options.h"

#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/json_text.h"

namespace retina::core {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(std::string_view found, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, found.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(found, name);
    if (!found.empty() && distance < best_distance) {
      best = &name;
      best_distance = distance;
    }
  }
  if (best != nullptr) {
    return fmt::format("did you mean '{}'?", *best);
  }
  return fmt::format("one of: {}", fmt::join(known, ", "));
}

void fail_value(const std::string& where, const Json& found, std::string_view expected) {
  const bool is_hint = expected.starts_with("did you mean") || expected.starts_with("one of");
  constexpr std::size_t kShown = 120;
  std::string shown = dump_json(found);
  if (shown.size() > kShown) {
    shown = shown.substr(0, kShown) + "...";
  }
  throw Error(ErrorKind::usage, Problem{.subject = where,
                                        .found = "found " + shown,
                                        .expected = is_hint ? "" : std::string(expected),
                                        .remedy = is_hint ? std::string(expected) : ""});
}

void fail_whole_number(const std::string& where, const Json& found, std::int64_t smallest,
                       std::uint64_t largest) {
  if (!found.is_number_integer() && !is_whole_float(found)) {
    fail_value(where, found, "a whole number");
  }
  if (smallest == 0 && found.get<double>() < 0) {
    fail_value(where, found, "a whole number, 0 or more");
  }
  fail_value(where, found, fmt::format("a whole number from {} to {}", smallest, largest));
}

UnknownKeys::UnknownKeys(std::vector<Problem> problems)
    : Error(ErrorKind::usage, problems.size() == 1 ? to_string(problems.front())
                                                   : list_problems("unknown keys", problems)),
      problems_(std::move(problems)) {}

Problem unknown_key(const std::string& where, const std::string& found,
                    const std::vector<std::string>& known) {
  return {.subject = where.empty() ? "configuration" : where,
          .found = fmt::format("unknown key '{}'", found),
          .expected = {},
          .remedy = suggestion(found, known)};
}

Json merge(Json base, const Json& over) {
  if (!base.is_object() || !over.is_object()) {
    return over;
  }
  for (const auto& [key, value] : over.items()) {
    base[key] = base.contains(key) ? merge(base[key], value) : value;
  }
  return base;
}

}  // namespace retina::core
