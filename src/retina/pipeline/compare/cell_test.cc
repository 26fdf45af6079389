#include "retina/pipeline/compare/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(Cell, ChangesAreNamedByTheirOptions) {
  Json before;
  before["finetune"]["optimizer"]["learning_rate"] = 0.5;
  before["finetune"]["patience"] = 3;
  before["weights"] = "abc";
  Json now = before;
  EXPECT_THAT(differences(before, now), ::testing::IsEmpty());
  now["finetune"]["optimizer"]["learning_rate"] = 0.25;
  now["finetune"].erase("patience");
  now["finetune"]["steps"] = 8;
  now["weights"] = "";
  EXPECT_THAT(
      differences(before, now),
      ::testing::ElementsAre("optimizer.learning_rate: 0.5, now 0.25", "patience: 3, now nothing",
                             "steps: nothing, now 8", "weights: \"abc\", now \"\""));
}

}  // namespace
}  // namespace retina::pipeline
