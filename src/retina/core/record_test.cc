#include "retina/core/record.h"

#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/bad_data.h"

namespace retina::core {
namespace {

TEST(Record, MembersAreReadOrAreAbsent) {
  const Json record = {{"steps", 12}, {"table", {{"a", 1}}}};
  EXPECT_EQ(member_of<std::int64_t>(record, "steps", "r.json"), 12);
  EXPECT_EQ(member_of<std::int64_t>(record, "seconds", "r.json", 5), 5);
  EXPECT_EQ(member_of<Json>(record, "table", "r.json").at("a"), 1);
  EXPECT_TRUE(member_of<Json>(record, "none", "r.json").is_null());
}

TEST(Record, WhatIsWrongIsWrongWithItsFile) {
  using ::testing::HasSubstr;
  for (const Json& table : {Json(nullptr), Json("text"), Json::array(), Json(3)}) {
    EXPECT_THAT(testing::bad_data_message([&] { member_of<int>(table, "steps", "r.json"); }),
                HasSubstr("r.json"));
  }
  for (const Json& value :
       {Json("12"), Json(nullptr), Json(1e300), Json(18446744073709551615ULL)}) {
    EXPECT_THAT(testing::bad_data_message([&] {
                  member_of<std::int64_t>({{"steps", value}}, "steps", "r.json");
                }),
                HasSubstr("r.json: steps"));
  }
  std::string text;
  EXPECT_THAT(testing::bad_data_message([&] { from_record(text, Json(3), "r.json"); }),
              HasSubstr("r.json"));
}

}  // namespace
}  // namespace retina::core
