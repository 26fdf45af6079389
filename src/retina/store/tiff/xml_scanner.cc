#include "retina/store/tiff/xml_scanner.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace retina::store {

namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr auto kNone = std::string_view::npos;

/// Where the tag that begins at `begin` has its '>', attribute values in quotes skipped.
std::size_t end_of_tag(std::string_view text, std::size_t begin) {
  char quote = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return i;
    }
  }
  return kNone;
}

/// The end of a comment, CDATA section, declaration or processing instruction that begins at `at`;
/// `at` itself if there is none.
std::size_t skip_special(std::string_view text, std::size_t at) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kSpecial{{
      {"<!--", "-->"},
      {"<![CDATA[", "]]>"},
      {"<?", "?>"},
      {"<!", ">"},
  }};
  for (const auto& [begin, end] : kSpecial) {
    if (text.substr(at).starts_with(begin)) {
      const std::size_t stop = text.find(end, at + begin.size());
      return stop == kNone ? text.size() : stop + end.size();
    }
  }
  return at;
}

std::string_view without_prefix(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == kNone ? name : name.substr(colon + 1);
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x110000) {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Appends what the entity `name` (without & and ;) stands for; false if it is unknown.
bool append_entity(std::string& out, std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, char>, 5> kNamed{
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [known, character] : kNamed) {
    if (name == known) {
      out.push_back(character);
      return true;
    }
  }
  if (!name.starts_with('#')) {
    return false;
  }
  const bool is_hex = name.starts_with("#x");
  name.remove_prefix(is_hex ? 2 : 1);
  std::uint32_t code = 0;
  const auto [end, error] =
      std::from_chars(name.data(), name.data() + name.size(), code, is_hex ? 16 : 10);
  if (error != std::errc{} || end != name.data() + name.size()) {
    return false;
  }
  append_utf8(out, code);
  return true;
}

}  // namespace

std::optional<XmlTag> XmlScanner::next() {
  while ((at_ = text_.find('<', at_)) != kNone) {
    if (const std::size_t after = skip_special(text_, at_); after != at_) {
      at_ = after;
      continue;
    }
    const std::size_t end = end_of_tag(text_, at_);
    if (end == kNone) {
      break;
    }
    std::string_view body = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    XmlTag tag;
    tag.is_end = body.starts_with('/') || body.ends_with('/');
    tag.is_start = !body.starts_with('/');
    if (body.starts_with('/')) {
      body.remove_prefix(1);
    }
    if (tag.is_start && tag.is_end) {
      body.remove_suffix(1);
    }
    const std::size_t name_end = std::min(body.size(), body.find_first_of(kBlank));
    tag.name = without_prefix(body.substr(0, name_end));
    tag.attributes = body.substr(name_end);
    tag.text = text_.substr(at_, std::min(text_.size(), text_.find('<', at_)) - at_);
    return tag;
  }
  at_ = text_.size();
  return std::nullopt;
}

std::optional<std::string> xml_attribute(const XmlTag& tag, std::string_view name) {
  std::string_view rest = tag.attributes;
  while (true) {
    const std::size_t begin = rest.find_first_not_of(kBlank);
    const std::size_t equals = rest.find('=');
    if (begin == kNone || equals == kNone || begin > equals) {
      return std::nullopt;
    }
    const std::string_view key = rest.substr(begin, equals - begin);
    rest.remove_prefix(equals + 1);
    const std::size_t open = rest.find_first_not_of(kBlank);
    if (open == kNone || (rest[open] != '"' && rest[open] != '\'')) {
      return std::nullopt;
    }
    const std::size_t close = rest.find(rest[open], open + 1);
    if (close == kNone) {
      return std::nullopt;
    }
    if (key.substr(0, key.find_last_not_of(kBlank) + 1) == name) {
      return xml_unescaped(rest.substr(open + 1, close - open - 1));
    }
    rest.remove_prefix(close + 1);
  }
}

std::string xml_unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    constexpr std::size_t kLongestEntity = 12;
    const std::size_t end = text[i] == '&' ? text.substr(i, kLongestEntity).find(';') : kNone;
    if (end != kNone && append_entity(out, text.substr(i + 1, end - 1))) {
      i += end;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace retina::store
