#include "retina/trainer/weight_average.h"

#include <gtest/gtest.h>

#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

TEST(WeightAverage, StartsAtTheSourceAndFollowsIt) {
  const at::NoGradGuard no_grad;
  const auto source = make_toy_network(1);
  WeightAverage average(make_toy_network(2), *source, 0.9);
  EXPECT_TRUE(same_state(*average.network(), *source));
  const at::Tensor before = source->parameters()[0].clone();
  source->parameters()[0].add_(1);

  average.update();

  // The first update's decay is (1 + 1) / (10 + 1).
  EXPECT_TRUE(average.network()->parameters()[0].allclose(before + 9.0 / 11));
}

TEST(WeightAverage, GoesOnFromItsState) {
  const at::NoGradGuard no_grad;
  const auto source = make_toy_network(1);
  WeightAverage whole(make_toy_network(2), *source, 0.5);
  source->parameters()[0].add_(1);
  whole.update();
  WeightAverage resumed(make_toy_network(3), *source, 0.5);
  resumed.load_state(whole.state(), "checkpoint");
  source->parameters()[0].add_(1);
  whole.update();
  resumed.update();
  EXPECT_TRUE(same_state(*whole.network(), *resumed.network()));
}

}  // namespace
}  // namespace retina::trainer
