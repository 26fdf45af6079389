#include "retina/cli/flags.h"

#include <algorithm>

#include "retina/core/error.h"
#include "retina/core/json_text.h"

namespace retina::cli {
namespace {

constexpr std::ptrdiff_t kMaxDots = 15;

[[noreturn]] void fail_flag(const Flag& flag, const std::string& text, std::string expected) {
  throw Error(
      ErrorKind::usage,
      Problem{.subject = flag.name(), .found = "'" + text + "'", .expected = std::move(expected)});
}

std::vector<std::string> split_commas(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) {
    std::size_t start = 0;
    while (start <= text.size()) {
      const std::size_t comma = std::min(text.find(',', start), text.size());
      items.push_back(text.substr(start, comma - start));
      start = comma + 1;
    }
  }
  return items;
}

Json scalar_value(const Flag& flag, const std::string& text) {
  if (flag.kind == FlagKind::number) {
    const std::optional<Json> value = core::try_parse_json(text);
    if (!value || !value->is_number()) {
      fail_flag(flag, text, "a number");
    }
    return *value;
  }
  if (flag.kind == FlagKind::choice &&
      std::find(flag.choices.begin(), flag.choices.end(), text) == flag.choices.end()) {
    throw Error(ErrorKind::usage, Problem{.subject = flag.name(),
                                          .found = "'" + text + "'",
                                          .remedy = core::suggestion(text, flag.choices)});
  }
  return text;
}

}  // namespace

std::string Flag::name() const {
  std::string kebab = "--" + key;
  std::replace(kebab.begin(), kebab.end(), '_', '-');
  return kebab;
}

Json flag_value(const Flag& flag, const std::vector<std::string>& texts) {
  if (flag.kind == FlagKind::flag) {
    return texts.empty() || texts.back() == "true";
  }
  if (!flag.is_list) {
    return scalar_value(flag, texts.back());
  }
  Json list = Json::array();
  for (const std::string& item : split_commas(texts)) {
    list.push_back(scalar_value(flag, item));
  }
  return list;
}

Json set_value(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "--set",
                        .found = "'" + std::string(assignment) + "'",
                        .expected = "key=value, such as optimizer.learning_rate=0.001"});
  }
  const std::string text(assignment.substr(equals + 1));
  Json value = core::try_parse_json(text).value_or(Json(text));
  std::string_view path = assignment.substr(0, equals);
  if (std::count(path.begin(), path.end(), '.') > kMaxDots) {
    throw Error(ErrorKind::usage, Problem{.subject = "--set",
                                          .found = "a key of more than 16 parts",
                                          .expected = "a key of the configuration"});
  }
  while (true) {
    const std::size_t dot = path.rfind('.');
    const std::string key(dot == std::string_view::npos ? path : path.substr(dot + 1));
    value = Json{{key, value}};
    if (dot == std::string_view::npos) {
      return value;
    }
    path = path.substr(0, dot);
  }
}

std::string default_text(const Json& value) {
  if (value.is_boolean()) {
    return value.get<bool>() ? "on" : "";
  }
  if (value.is_null() || (value.is_string() && value.get<std::string>().empty()) ||
      (value.is_array() && value.empty())) {
    return "";
  }
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) {
      text += (text.empty() ? "" : ",") + default_text(item);
    }
    return text;
  }
  return value.is_string() ? value.get<std::string>() : core::dump_json(value);
}

}  // namespace retina::cli
