#include "retina/metric/iou_meter.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::metric {
namespace {

TEST(IouMeter, IsTheBatchItselfAfterOneBatch) {
  IouMeter meter(2);
  meter.add(std::vector{SoftOverlap(OverlapCounts{.tp = 1, .fp = 1, .fn = 2}), SoftOverlap()});
  EXPECT_NEAR(meter.smoothed()[0], 0.25, 1e-5);
  EXPECT_DOUBLE_EQ(meter.smoothed()[1], 1);
}

TEST(IouMeter, ForgetsOldBatchesAndItsMeanDoesNot) {
  IouMeter meter(1, 0.5);
  for (const double iou : {0.0, 1.0, 1.0}) {
    meter.add_iou(std::vector<double>{iou});
  }
  EXPECT_DOUBLE_EQ(meter.smoothed()[0], (0.25 + 0.5) / (0.125 + 0.25 + 0.5));
  EXPECT_DOUBLE_EQ(meter.mean()[0], 2.0 / 3);
}

TEST(IouMeter, ContinuesFromASavedState) {
  IouMeter whole(1);
  IouMeter first(1);
  for (const double iou : {0.2, 0.7}) {
    whole.add_iou(std::vector<double>{iou});
    first.add_iou(std::vector<double>{iou});
  }
  IouMeter second(1);
  second.restore(first.state());
  whole.add_iou(std::vector<double>{0.9});
  second.add_iou(std::vector<double>{0.9});
  EXPECT_EQ(second.smoothed(), whole.smoothed());
  EXPECT_THROW(IouMeter(3).restore(first.state()), Error);
}

}  // namespace
}  // namespace retina::metric
