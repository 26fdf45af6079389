#include "retina/pipeline/pretrain/collapse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(Collapse, AnAlmostConstantOutputIsACollapse) {
  EXPECT_FALSE(collapse_of({{"output_std", 0.5}, {"target_std", 1.0}}, 10));
  const auto problem = collapse_of({{"output_std", 0.001}, {"target_std", 1.0}}, 10);
  ASSERT_TRUE(problem);
  EXPECT_THAT(to_string(*problem),
              ::testing::AllOf(::testing::HasSubstr("step 10"), ::testing::HasSubstr("constant")));
}

}  // namespace
}  // namespace retina::pipeline
