#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/pipeline/check/check.h"

namespace retina::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(CheckReport, TheTableListsTheFirstAndCountsTheRestAndJsonHasAll) {
  CheckReport report;
  report.class_names = {"background", "m"};
  report.volumes.resize(5);
  for (std::size_t i = 0; i < report.volumes.size(); ++i) {
    report.volumes[i].name = fmt::format("volume{}", i);
  }
  report.volumes[1].is_held_out = true;
  for (int i = 0; i < 60; ++i) {
    report.problems.push_back(
        {.subject = fmt::format("problem{}", i), .found = {}, .expected = {}, .remedy = {}});
  }
  const std::string table = to_table(report, 2);
  EXPECT_THAT(table, HasSubstr("volume1"));
  EXPECT_THAT(table, HasSubstr("  held out\n... and 3 more\n"));
  EXPECT_THAT(table, Not(HasSubstr("volume2")));
  EXPECT_THAT(table, HasSubstr("problem49\n... and 10 more problems\n60 problems\n"));
  EXPECT_THAT(table, Not(HasSubstr("problem50")));
  const Json json = to_json(report);
  EXPECT_EQ(json.at("ok"), false);
  EXPECT_EQ(json.at("volumes").size(), 5U);
  EXPECT_EQ(json.at("volumes").at(1).at("held_out"), true);
  EXPECT_EQ(json.at("problems").size(), 60U);
}

}  // namespace
}  // namespace retina::pipeline
