#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace retina::store {

/// One tag of an XML text.
struct XmlTag {
  std::string_view name;        ///< without a namespace prefix
  std::string_view attributes;  ///< as written
  std::string_view text;        ///< characters from the tag to the next one, as written
  bool is_start = false;        ///< <a> and <a/>
  bool is_end = false;          ///< </a> and <a/>
};

/// Walks the tags of an XML text in one pass. It checks no grammar: of a damaged text it gives the
/// tags that are there.
class XmlScanner {
 public:
  /// `text` must outlive the scanner and the tags it gives.
  explicit XmlScanner(std::string_view text) : text_(text) {}
  /// The next tag; empty at the end.
  std::optional<XmlTag> next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Value of an attribute, entities replaced; empty if it is not there.
std::optional<std::string> xml_attribute(const XmlTag& tag, std::string_view name);

/// `text` with &lt; &amp; &#181; &#xB5; and the like replaced by UTF-8.
std::string xml_unescaped(std::string_view text);

}  // namespace retina::store
