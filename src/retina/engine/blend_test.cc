#include "retina/engine/blend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::engine {
namespace {

Region whole_region(const PlanePlan& plan) {
  return {{0, plan.y.extent}, {0, plan.x.extent}};
}

TEST(Blend, GaussianWeightsFallSymmetricallyFromTheCentre) {
  const std::vector<float> weights = axis_weights(Blend::gaussian, 64);
  EXPECT_FLOAT_EQ(weights[0], weights[63]);
  EXPECT_GT(weights[31], 0.99F);
  EXPECT_NEAR(weights[31 - 8], std::exp(-0.5 * (8.5 / 8) * (8.5 / 8)), 1e-6);
}

TEST(Blend, ConstantTotalsCountTheWindows) {
  const PlanePlan plan = plan_plane(480, 300, 224, published_windows());
  const BlendWeights weights = blend_weights(plan, whole_region(plan), Blend::constant, at::kCPU);
  EXPECT_FALSE(weights.window_YX.defined());
  EXPECT_EQ(weights.total_YX[0][0].item<float>(), 1);
  EXPECT_EQ(weights.total_YX[210][150].item<float>(),
            4 * 3);  // rows 0, 67, 134, 201; columns 0, 67, 76
}

TEST(Blend, EqualWindowsKeepTheirValue) {
  for (const Blend blend : {Blend::constant, Blend::gaussian}) {
    const PlanePlan plan = plan_plane(150, 90, 64, WindowOptions{});
    PlaneSum sum(plan, whole_region(plan), 2,
                 blend_weights(plan, whole_region(plan), blend, at::kCPU));
    for (std::int64_t row = 0; row < plan.y.count(); ++row) {
      for (std::int64_t column = 0; column < plan.x.count(); ++column) {
        sum.add(row, column, at::full({2, 64, 64}, 3.25));
      }
    }
    EXPECT_LT((sum.mean_KYX() - 3.25).abs().max().item<float>(), 2e-6F);
  }
}

TEST(Blend, TheCentreOfAWindowWeighsMoreThanItsBorder) {
  const PlanePlan plan = plan_plane(64, 112, 64, {.overlap = 0.25});
  ASSERT_EQ(plan.count(), 2);
  PlaneSum sum(plan, whole_region(plan), 1,
               blend_weights(plan, whole_region(plan), Blend::gaussian, at::kCPU));
  sum.add(0, 0, at::zeros({1, 64, 64}));
  sum.add(0, 1, at::ones({1, 64, 64}));
  const at::Tensor mean_X = sum.mean_KYX()[0][32];
  EXPECT_LT(mean_X[49].item<float>(), 0.2F);
  EXPECT_GT(mean_X[62].item<float>(), 0.8F);
}

TEST(Blend, ARegionHasTheValuesOfTheWhole) {
  const PlanePlan plan = plan_plane(150, 120, 64, WindowOptions{});
  const Region part{{30, 101}, {17, 80}};
  PlaneSum whole(plan, whole_region(plan), 1,
                 blend_weights(plan, whole_region(plan), Blend::gaussian, at::kCPU));
  PlaneSum cut(plan, part, 1, blend_weights(plan, part, Blend::gaussian, at::kCPU));
  const Span rows = plan.y.windows_meeting(part.y);
  const Span columns = plan.x.windows_meeting(part.x);
  for (std::int64_t row = 0; row < plan.y.count(); ++row) {
    for (std::int64_t column = 0; column < plan.x.count(); ++column) {
      const at::Tensor logits_KYX =
          (at::arange(64 * 64, at::kFloat).view({1, 64, 64}) + row * 7 + column).sin();
      whole.add(row, column, logits_KYX);
      if (row >= rows.begin && row < rows.end && column >= columns.begin && column < columns.end) {
        cut.add(row, column, logits_KYX);
      }
    }
  }
  EXPECT_TRUE(at::equal(cut.mean_KYX(), whole.mean_KYX().narrow(1, 30, 71).narrow(2, 17, 63)));
}

}  // namespace
}  // namespace retina::engine
