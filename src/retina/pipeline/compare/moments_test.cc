#include "retina/pipeline/compare/moments.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(Moments, MeanAndSampleDeviation) {
  const auto found = moments({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(found->mean, 2.5);
  EXPECT_NEAR(found->sd, 1.2909944487, 1e-9);
  EXPECT_EQ(to_text(found, 2), "2.50 ± 1.29");
  EXPECT_EQ(to_text(moments({0.5}), 3), "0.500");
  EXPECT_EQ(to_text(moments({}), 3), "-");
  EXPECT_EQ(to_text(found, 2, 4), "2.50 ± 1.29");
  EXPECT_EQ(to_text(found, 2, 5), "2.50 ± 1.29 (n = 4)");
  EXPECT_EQ(to_text(moments({}), 3, 5), "-");
}

}  // namespace
}  // namespace retina::pipeline
