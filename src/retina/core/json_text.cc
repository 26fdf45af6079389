#include "retina/core/json_text.h"

#include "retina/core/error.h"

namespace retina::core {

namespace {

constexpr int kMaxDepth = 64;

Json parse_checked(std::string_view text, const std::string& source) {
  const Json::parser_callback_t check = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) {
      throw Error(ErrorKind::bad_data, Problem{.subject = source,
                                               .found = "lists or tables nested deeper than " +
                                                        std::to_string(kMaxDepth),
                                               .expected = "plain JSON",
                                               .remedy = "the file is damaged: get a fresh copy"});
    }
    return true;
  };
  return Json::parse(text, check);
}

}  // namespace

std::optional<Json> try_parse_json(std::string_view text) {
  try {
    return parse_checked(text, "");
  } catch (const Json::exception&) {
    return std::nullopt;  // expected: the caller asks whether it is JSON
  } catch (const Error&) {
    return std::nullopt;
  }
}

Json parse_json(std::string_view text, const std::string& source) {
  try {
    return parse_checked(text, source);
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = source, .found = json_reason(error), .expected = "valid JSON"});
  }
}

std::string json_reason(const std::exception& error) {
  const std::string_view what = error.what();
  const std::size_t end = what.find("] ");
  const bool has_class = what.starts_with("[json.exception.") && end != std::string_view::npos;
  return std::string(has_class ? what.substr(end + 2) : what);
}

std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace retina::core
