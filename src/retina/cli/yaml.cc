#include "retina/cli/yaml.h"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <vector>

#if RETINA_WITH_IO
#include <yaml-cpp/yaml.h>
#endif

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/options.h"

namespace retina::cli {
namespace {

#if RETINA_WITH_IO
Json scalar_to_json(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") {  // quoted: always text
    return text;
  }
  static const std::regex integer("[-+]?[0-9]+");
  static const std::regex real(R"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)");
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  if (std::regex_match(text, integer)) {
    return node.as<std::int64_t>();
  }
  if (std::regex_match(text, real)) {
    return node.as<double>();
  }
  return text;
}

Json node_to_json(const YAML::Node& node) {
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const YAML::Node& item : node) {
      list.push_back(node_to_json(item));
    }
    return list;
  }
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) {
      object[entry.first.Scalar()] = node_to_json(entry.second);
    }
    return object;
  }
  return node.IsScalar() ? scalar_to_json(node) : Json(nullptr);
}
#endif

/// `${NAME}` and `${NAME:-default}`; usage error for a variable that is not set and has no default.
std::string expand_variables(std::string text, const std::string& file) {
  static const std::regex variable(R"(\$\{(\w+)(:-([^}]*))?\})");
  std::smatch match;
  while (std::regex_search(text, match, variable)) {
    const char* value = std::getenv(match[1].str().c_str());
    if (value == nullptr && !match[2].matched) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = file,
                          .found = "the variable " + match[1].str() + " is not set",
                          .remedy = "set it in the environment"});
    }
    text =
        match.prefix().str() + (value != nullptr ? value : match[3].str()) + match.suffix().str();
  }
  return text;
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
    base =
        core::merge(base, read_with_includes(path.parent_path() / file.get<std::string>(), open));
  }
  return core::merge(base, config);
}

}  // namespace

Json parse_yaml(const std::string& text, const std::string& name) {
#if RETINA_WITH_IO
  try {
    return node_to_json(YAML::Load(text));
  } catch (const YAML::Exception& e) {
    throw Error(ErrorKind::usage,
                Problem{.subject = name, .found = e.what(), .expected = "valid YAML"});
  }
#else
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    throw Error(ErrorKind::usage,
                Problem{.subject = name,
                        .found = "not JSON",
                        .expected = "JSON: this build (RETINA_WITH_IO=OFF) reads no YAML"});
  }
  return json;
#endif
}

Json read_config(const std::filesystem::path& path) {
  return read_with_includes(path, {});
}

}  // namespace retina::cli
