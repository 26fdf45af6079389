#include "retina/store/tiff/xml_scanner.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

std::vector<std::string> xml_names(std::string_view text) {
  std::vector<std::string> out;
  XmlScanner scanner(text);
  while (const auto tag = scanner.next()) {
    out.push_back(std::string(tag->is_start ? "" : "/") + std::string(tag->name) +
                  (tag->is_start && tag->is_end ? "/" : ""));
  }
  return out;
}

TEST(XmlScanner, GivesTheTagsInOrder) {
  EXPECT_THAT(xml_names("<?xml version='1.0'?><!-- <no> --><a:b x='1>2'><c/>text</a:b>"),
              ::testing::ElementsAre("b", "c/", "/b"));
}

TEST(XmlScanner, SkipsCharacterData) {
  EXPECT_THAT(xml_names("<!DOCTYPE a><a><![CDATA[<b>]]></a>"), ::testing::ElementsAre("a", "/a"));
}

TEST(XmlScanner, ReadsAttributesAndText) {
  XmlScanner scanner(
      "<Pixels SizeX = \"5\" Unit='&#181;m' Name=\"a &lt;&amp;&#x3BC; &no; b\"> t <");
  const auto tag = scanner.next();
  ASSERT_TRUE(tag);
  EXPECT_EQ(xml_attribute(*tag, "SizeX"), "5");
  EXPECT_EQ(xml_attribute(*tag, "Unit"), "\xC2\xB5m");
  EXPECT_EQ(xml_attribute(*tag, "Name"), "a <&\xCE\xBC &no; b");
  EXPECT_EQ(xml_attribute(*tag, "Size"), std::nullopt);
  EXPECT_EQ(tag->text, " t ");
}

TEST(XmlScanner, DamagedTextEndsIt) {
  for (const char* text : {"", "<", "<a", "<a b='", "<!--", "<![CDATA[", "<>", "</>", "< / >"}) {
    EXPECT_LE(xml_names(text).size(), 1U) << text;
  }
  XmlScanner scanner("<a b c='1' =>");
  EXPECT_EQ(xml_attribute(*scanner.next(), "c"), std::nullopt);
}

}  // namespace
}  // namespace retina::store
