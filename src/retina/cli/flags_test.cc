#include "retina/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::cli {
namespace {

using ::testing::HasSubstr;

enum class Colour { red, green };
constexpr core::EnumTable<Colour, 2> enum_table(Colour) {
  return {{{Colour::red, "red"}, {Colour::green, "green"}}};
}

struct Nested {
  int depth = 1;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("depth", self.depth, "how deep");
  }
};

struct FlagOptions {
  int max_steps = 10;
  bool overwrite = false;
  std::optional<double> threshold;
  std::vector<std::string> classes;
  Colour colour = Colour::green;
  Nested nested;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("max_steps", self.max_steps, "steps");
    visit("overwrite", self.overwrite, "replace");
    visit("threshold", self.threshold, "limit");
    visit("classes", self.classes, "names");
    visit("colour", self.colour, "paint");
    visit("nested", self.nested, "more");
  }
};

Flag flag_named(const std::string& name) {
  for (const Flag& flag : flags_of<FlagOptions>()) {
    if (flag.name() == name) {
      return flag;
    }
  }
  throw Error(ErrorKind::internal, "no flag " + name);
}

TEST(Flags, ScalarsAndListsBecomeKebabFlagsAndStructsDoNot) {
  const auto flags = flags_of<FlagOptions>();
  ASSERT_EQ(flags.size(), 5U);
  EXPECT_EQ(flags[0].name(), "--max-steps");
  EXPECT_EQ(flags[0].default_text, "10");
  EXPECT_EQ(flags[1].default_text, "");
  EXPECT_EQ(flags[4].choices, (std::vector<std::string>{"red", "green"}));
}

TEST(Flags, ASwitchThatIsOnSaysSo) {
  EXPECT_EQ(default_text(true), "on");
  EXPECT_EQ(default_text(false), "");
}

TEST(Flags, ValuesBindToTheStruct) {
  const Json json = {{"max_steps", flag_value(flag_named("--max-steps"), {"7"})},
                     {"threshold", flag_value(flag_named("--threshold"), {"0.25"})},
                     {"classes", flag_value(flag_named("--classes"), {"a,b", "c"})},
                     {"colour", flag_value(flag_named("--colour"), {"red"})}};
  const auto options = core::options_from_json<FlagOptions>(json);
  EXPECT_EQ(options.max_steps, 7);
  EXPECT_EQ(options.threshold, 0.25);
  EXPECT_EQ(options.classes, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(options.colour, Colour::red);
}

TEST(Flags, ANumberThatIsNoneIsAUsageErrorNamingTheFlag) {
  try {
    flag_value(flag_named("--max-steps"), {"many"});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("--max-steps: 'many', expected a number"));
  }
}

TEST(Flags, SetBuildsNestedTables) {
  EXPECT_EQ(set_value("nested.depth=3"), (Json{{"nested", {{"depth", 3}}}}));
  EXPECT_EQ(set_value("name=retina-tiny"), (Json{{"name", "retina-tiny"}}));
  EXPECT_EQ(set_value("ids=[1,2]"), (Json{{"ids", {1, 2}}}));
  EXPECT_THROW(set_value("depth"), Error);
}

}  // namespace
}  // namespace retina::cli
