#include "retina/pipeline/own_yaml.h"

#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"

namespace retina::pipeline {

namespace {

constexpr std::size_t kMaxTables = 32;

void write_block(const Json& json, std::size_t indent, std::string& out) {
  for (const auto& [key, value] : json.items()) {
    const std::string margin(indent, ' ');
    if (value.is_object() && !value.empty()) {
      out += fmt::format("{}{}:\n", margin, key);
      write_block(value, indent + 2, out);
    } else {
      out += fmt::format("{}{}: {}\n", margin, key, core::dump_json(value));
    }
  }
}

[[noreturn]] void fail_line(const std::string& source, std::size_t number,
                            const std::string& line) {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("{}: line {}", source, number),
                                           .found = line,
                                           .expected = "a configuration as a run writes it",
                                           .remedy = {}});
}

}  // namespace

std::string to_yaml(const Json& json) {
  std::string out;
  write_block(json, 0, out);
  return out;
}

Json parse_own_yaml(const std::string& text, const std::string& source) {
  Json root = Json::object();
  std::vector<std::string> path;  // keys of the tables that are open
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string::npos || line[start] == '#') {
      continue;
    }
    const std::size_t colon = line.find(':', start);
    if (colon == std::string::npos || start % 2 != 0 || start / 2 > path.size() ||
        path.size() > kMaxTables) {
      fail_line(source, number, line);
    }
    path.resize(start / 2);
    const std::string key = line.substr(start, colon - start);
    Json* table = &root;
    for (const std::string& name : path) {
      table = &(*table)[name];
      if (!table->is_object()) {
        fail_line(source, number, line);
      }
    }
    if (colon + 1 == line.size()) {
      (*table)[key] = Json::object();
      path.push_back(key);
      continue;
    }
    std::optional<Json> value = core::try_parse_json(line.substr(colon + 1));
    if (!value) {
      fail_line(source, number, line);
    }
    (*table)[key] = std::move(*value);
  }
  return root;
}

}  // namespace retina::pipeline
