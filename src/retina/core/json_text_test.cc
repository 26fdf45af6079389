#include "retina/core/json_text.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::core {
namespace {

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, ParsesWhatIsJsonAndSaysWhereItIsNot) {
  EXPECT_EQ(parse_json(R"({"a": [1, 2]})", "a.json")["a"][1], 2);
  EXPECT_FALSE(try_parse_json("{"));
  try {
    parse_json("{\"a\": }", "a.json");
    FAIL() << "it was parsed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_TRUE(std::string(error.what()).starts_with("a.json: parse error at line 1, column 7"))
        << error.what();
  }
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(try_parse_json(nested(60)));
  EXPECT_FALSE(try_parse_json(nested(1000)));
  EXPECT_FALSE(try_parse_json(nested(1000000)));
  EXPECT_THROW(parse_json(nested(1000), "deep.json"), Error);
}

TEST(Json, DumpsNamesThatAreNoUtf8) {
  EXPECT_EQ(dump_json(Json("caf\xe9")), "\"caf\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace retina::core
