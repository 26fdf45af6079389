#include "retina/cli/yaml.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#if RETINA_WITH_IO
#include <yaml-cpp/yaml.h>
#endif

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"

namespace retina::cli {
namespace {

#if RETINA_WITH_IO
/// A document may name a part of itself and repeat it, even inside itself: this bounds what becomes
/// of that.
constexpr std::size_t kMaxNodes = 1'000'000;
constexpr int kMaxDepth = 64;

std::optional<Json> number(std::string_view text) {
  const std::string_view unsigned_part = text.substr(text.starts_with('-') ? 1 : 0);
  const bool is_digits = std::all_of(unsigned_part.begin(), unsigned_part.end(),
                                     [](char c) { return c >= '0' && c <= '9'; });
  const char first = unsigned_part.empty() ? 'x' : unsigned_part.front();
  if (!is_digits && first != '.' && (first < '0' || first > '9')) {
    return std::nullopt;
  }
  const char* end = text.data() + text.size();
  if (std::int64_t whole = 0; is_digits) {
    const auto [stop, code] = std::from_chars(text.data(), end, whole);
    if (code == std::errc() && stop == end) {
      return whole;
    }
  }
  double real = 0;
  const auto [stop, code] = std::from_chars(text.data(), end, real);
  return code == std::errc() && stop == end ? std::optional<Json>(real) : std::nullopt;
}

Json scalar_to_json(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") {  // quoted: always text
    return text;
  }
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  const bool has_plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  return number(std::string_view(text).substr(has_plus ? 1 : 0)).value_or(Json(text));
}

Json node_to_json(const YAML::Node& node, std::size_t& budget, int depth) {
  if (budget == 0 || depth > kMaxDepth) {
    throw YAML::ParserException(node.Mark(), "too large, too deep, or a part that contains itself");
  }
  --budget;
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const YAML::Node& item : node) {
      list.push_back(node_to_json(item, budget, depth + 1));
    }
    return list;
  }
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        throw YAML::ParserException(entry.first.Mark(), "a key that is a list or table");
      }
      object[entry.first.Scalar()] = node_to_json(entry.second, budget, depth + 1);
    }
    return object;
  }
  return node.IsScalar() ? scalar_to_json(node) : Json(nullptr);
}
#endif

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string value_of_variable(const std::string& inside, const std::string& file) {
  const std::size_t end = inside.find(":-");
  const std::string name = inside.substr(0, end);
  const char* value = std::getenv(name.c_str());
  if (value == nullptr && end == std::string::npos) {
    throw Error(ErrorKind::usage, Problem{.subject = file,
                                          .found = "the variable " + name + " is not set",
                                          .remedy = "set it in the environment"});
  }
  return value != nullptr ? value : inside.substr(end + 2);
}

/// `${NAME}` and `${NAME:-default}`; usage error for a variable that is not set and has no default.
/// What a variable holds is not expanded again.
std::string expand_variables(const std::string& text, const std::string& file) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t start = text.find("${"); start != std::string::npos;
       start = text.find("${", start + 1)) {
    const std::size_t end = text.find('}', start);
    const std::string inside =
        end == std::string::npos ? "" : text.substr(start + 2, end - start - 2);
    const auto name_end = std::find_if_not(inside.begin(), inside.end(), is_name_character);
    const std::string_view rest(name_end, inside.end());
    if (name_end == inside.begin() || !(rest.empty() || rest.starts_with(":-"))) {
      continue;  // no variable: stays as it is
    }
    out += text.substr(done, start - done) + value_of_variable(inside, file);
    done = end + 1;
    start = end;
  }
  return out + text.substr(done);
}

void expand_all(Json& json, const std::string& file) {
  if (json.is_string()) {
    json = expand_variables(json.get<std::string>(), file);
  } else if (json.is_structured()) {
    for (Json& item : json) {
      expand_all(item, file);
    }
  }
}

Json read_with_includes(const std::filesystem::path& path,
                        std::vector<std::filesystem::path> open) {
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path);
  if (std::find(open.begin(), open.end(), canonical) != open.end()) {
    throw Error(ErrorKind::usage, Problem{.subject = path.string(),
                                          .found = "includes itself",
                                          .remedy = "remove the include"});
  }
  if (!std::filesystem::exists(canonical)) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("configuration '{}'", path.string()),
                        .found = "no such file",
                        .expected = "a YAML or JSON file",
                        .remedy = open.empty() ? "check the path"
                                               : fmt::format("check the include in '{}'",
                                                             open.back().string())});
  }
  open.push_back(canonical);
  Json config = parse_yaml(core::read_text(path), path.string());
  if (config.is_null()) {
    config = Json::object();
  }
  if (!config.is_object()) {
    throw Error(
        ErrorKind::usage,
        Problem{.subject = path.string(), .found = "not a table", .expected = "key: value lines"});
  }
  expand_all(config, path.string());
  if (!config.contains("include")) {
    return config;
  }
  const Json includes =
      config["include"].is_array() ? config["include"] : Json::array({config["include"]});
  config.erase("include");
  Json base = Json::object();
  for (const Json& file : includes) {
    if (!file.is_string()) {
      throw Error(ErrorKind::usage, Problem{.subject = path.string(),
                                            .found = "include: " + core::dump_json(file),
                                            .expected = "the name of a file"});
    }
    base =
        core::merge(base, read_with_includes(path.parent_path() / file.get<std::string>(), open));
  }
  return core::merge(base, config);
}

}  // namespace

Json parse_yaml(const std::string& text, const std::string& name) {
#if RETINA_WITH_IO
  try {
    std::size_t budget = kMaxNodes;
    return node_to_json(YAML::Load(text), budget, 0);
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::usage,
                Problem{.subject = name, .found = e.what(), .expected = "valid YAML"});
  }
#else
  const std::optional<Json> json = core::try_parse_json(text);
  if (!json) {
    throw Error(ErrorKind::usage,
                Problem{.subject = name,
                        .found = "not JSON",
                        .expected = "JSON: this build (RETINA_WITH_IO=OFF) reads no YAML"});
  }
  return *json;
#endif
}

Json read_config(const std::filesystem::path& path) {
  return read_with_includes(path, {});
}

}  // namespace retina::cli
