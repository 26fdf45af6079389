#include "retina/core/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::core {
namespace {

using ::testing::HasSubstr;

enum class Mode { fast, exact };
constexpr EnumTable<Mode, 2> enum_table(Mode) {
  return {{{Mode::fast, "fast"}, {Mode::exact, "exact"}}};
}

struct Inner {
  double rate = 0.5;
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("rate", self.rate, "share");
  }
};

struct Outer {
  int size = 224;
  bool on = true;
  Mode mode = Mode::fast;
  std::optional<int> limit;
  std::vector<std::string> names;
  std::map<std::string, int> ids;
  Inner inner;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("size", self.size, "pixels");
    visit("on", self.on, "whether");
    visit("mode", self.mode, "how");
    visit("limit", self.limit, "at most");
    visit("names", self.names, "which");
    visit("ids", self.ids, "name: id");
    visit("inner", self.inner, "nested");
  }
  std::vector<Problem> validate() const {
    std::vector<Problem> problems;
    if (size <= 0) {
      problems.push_back({.subject = "size", .found = "not positive"});
    }
    return problems;
  }
};

std::string options_error(const Json& json) {
  try {
    options_from_json<Outer>(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Options, JsonRoundTripKeepsEveryField) {
  const Json json = {
      {"size", 7},           {"on", false},          {"mode", "exact"},          {"limit", 3},
      {"names", {"a", "b"}}, {"ids", {{"mito", 1}}}, {"inner", {{"rate", 0.25}}}};
  EXPECT_EQ(options_to_json(options_from_json<Outer>(json)), json);
}

TEST(Options, MissingKeysKeepTheirDefaults) {
  const Outer options = options_from_json<Outer>({{"inner", Json::object()}});
  EXPECT_EQ(options.size, 224);
  EXPECT_EQ(options.inner.rate, 0.5);
}

TEST(Options, UnknownKeySuggestsTheNearest) {
  EXPECT_THAT(options_error({{"sise", 3}}), HasSubstr("did you mean 'size'?"));
  EXPECT_THAT(options_error({{"inner", {{"rat", 1}}}}), HasSubstr("inner: unknown key 'rat'"));
}

TEST(Options, AllUnknownKeysAreToldAtOnce) {
  const std::string message =
      options_error({{"inner", {{"rat", 1}, {"lr", 2}}}, {"sise", 3}, {"size", 4}});
  EXPECT_THAT(message, HasSubstr("unknown keys (3)"));
  EXPECT_THAT(message, HasSubstr("inner: unknown key 'rat'; did you mean 'rate'?"));
  EXPECT_THAT(message, HasSubstr("inner: unknown key 'lr'"));
  EXPECT_THAT(message, HasSubstr("configuration: unknown key 'sise'"));
}

TEST(Options, WrongTypeNamesPlaceFoundAndExpected) {
  EXPECT_THAT(options_error({{"size", "big"}}),
              HasSubstr("size: found \"big\", expected a whole number"));
}

TEST(Options, AWholeNumberMustFitItsField) {
  EXPECT_EQ(options_from_json<Outer>({{"size", 4.0}}).size, 4);
  EXPECT_EQ(options_from_json<Outer>({{"size", 2147483647}}).size, 2147483647);
  for (const Json& much : {Json(2147483648LL), Json(-2147483649LL), Json(18446744073709551615ULL),
                           Json(8.66667e19), Json(-1e300)}) {
    EXPECT_THAT(options_error({{"size", much}}),
                HasSubstr("expected a whole number from -2147483648 to 2147483647"));
  }
  for (const Json& broken : {Json(0.5), Json(std::numeric_limits<double>::infinity()),
                             Json(std::numeric_limits<double>::quiet_NaN())}) {
    EXPECT_THAT(options_error({{"size", broken}}), HasSubstr("expected a whole number"));
  }
}

TEST(Options, AnUnsignedNumberIsZeroOrMore) {
  std::uint64_t seed = 0;
  from_json_value(seed, Json(18446744073709551615ULL), "seed");
  EXPECT_EQ(seed, 18446744073709551615ULL);
  from_json_value(seed, Json(1e19), "seed");
  EXPECT_EQ(seed, 10000000000000000000ULL);
  const auto refused = [&](const Json& json) {
    try {
      from_json_value(seed, json, "seed");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused(-1), HasSubstr("expected a whole number, 0 or more"));
  EXPECT_THAT(refused(1e30), HasSubstr("from 0 to 18446744073709551615"));
}

TEST(Options, UnknownEnumValueSuggests) {
  EXPECT_THAT(options_error({{"mode", "exakt"}}), HasSubstr("did you mean 'exact'?"));
  EXPECT_THAT(options_error({{"mode", "zzzzzzzz"}}), HasSubstr("one of: fast, exact"));
}

TEST(Options, ValidateRuns) {
  EXPECT_THAT(options_error({{"size", 0}}), HasSubstr("not positive"));
}

TEST(Options, ASingleValueReadsAsAListOfOne) {
  EXPECT_EQ(options_from_json<Outer>({{"names", "mito"}}).names, std::vector<std::string>{"mito"});
}

TEST(Options, MergeIsDeepAndTheSecondWins) {
  const Json base = {{"a", 1}, {"b", {{"c", 2}, {"d", 3}}}};
  EXPECT_EQ(merge(base, {{"b", {{"c", 9}}}}), (Json{{"a", 1}, {"b", {{"c", 9}, {"d", 3}}}}));
}

}  // namespace
}  // namespace retina::core
