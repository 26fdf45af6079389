#include "retina/trainer/divergence.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/bad_data.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

TEST(Divergence, ALossThatIsNotFiniteIsRefused) {
  require_finite_loss({{"loss", 0.5}}, 12);
  require_finite_loss(Json::object(), 12);
  using Limits = std::numeric_limits<double>;
  for (const double loss : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
    EXPECT_THAT(testing::bad_data_message([&] {
                  require_finite_loss({{"loss", loss}}, 12);
                }),
                ::testing::HasSubstr("training, step 12: a loss that is not a number"))
        << loss;
  }
}

TEST(Divergence, AnInfiniteWeightOrStatisticIsNamedOfTheAverageToo) {
  const at::NoGradGuard no_grad;
  const auto network = make_toy_network(1);
  WeightAverage average(make_toy_network(2), *network, 0.5);
  const auto message = [&] {
    return testing::bad_data_message([&] { require_finite_weights(*network, &average, 12); });
  };
  require_finite_weights(*network, &average, 12);
  average.network()->named_buffers()["norm.running_var"].fill_(
      std::numeric_limits<float>::quiet_NaN());
  require_finite_weights(*network, nullptr, 12);
  EXPECT_THAT(message(), ::testing::HasSubstr("(norm.running_var)"));
  network->named_parameters()["head.weight"].fill_(std::numeric_limits<float>::infinity());
  EXPECT_THAT(message(), ::testing::HasSubstr("(head.weight)"));
}

}  // namespace
}  // namespace retina::trainer
