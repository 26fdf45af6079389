#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/net/toy_for_test.h"
#include "retina/net/transunet.h"

namespace retina::net {
namespace {

std::vector<TransUNetOptions> grouped_options() {
  TransUNetOptions restoring = toy_transunet();
  restoring.tail = TransUNetTail::reconstruction;
  TransUNetOptions strided = toy_transunet();
  strided.window = 96;
  strided.pixel_stride = 2;
  strided.in_channels = 3;
  strided.classes = 2;
  return {toy_transunet(), restoring, strided};
}

std::shared_ptr<TransUNet> seeded_network(const TransUNetOptions& options) {
  at::manual_seed(4);
  auto network = std::make_shared<TransUNet>(options);
  network->eval();
  return network;
}

at::Tensor random_images(const TransUNetOptions& options) {
  return at::randn({2, options.in_channels, options.window, options.window});
}

at::Tensor through_groups(DenseNetwork& network, const at::Tensor& images_NCYX) {
  Flow flow{.x = images_NCYX};
  for (const LayerGroup& group : network.layer_groups()) {
    flow = group.forward(std::move(flow));
  }
  EXPECT_TRUE(flow.skips.empty());
  return flow.x;
}

TEST(LayerGroups, TogetherTheyAreTheForwardPass) {
  const at::NoGradGuard no_grad;
  for (const TransUNetOptions& options : grouped_options()) {
    const auto network = seeded_network(options);
    const at::Tensor images = random_images(options);
    EXPECT_TRUE(at::equal(through_groups(*network, images), network->forward(images)));
    const auto prepared = network->prepared_for_inference(at::kCPU, at::kFloat);
    EXPECT_TRUE(at::equal(through_groups(*prepared, images), prepared->forward(images)));
  }
}

TEST(LayerGroups, EveryParameterIsInOneOfThem) {
  for (const TransUNetOptions& options : grouped_options()) {
    const auto network = seeded_network(options);
    const std::vector<LayerGroup> groups = network->layer_groups();
    for (const auto& parameter : network->named_parameters()) {
      int found = 0;
      for (const LayerGroup& group : groups) {
        for (const std::string& prefix : group.prefixes) {
          found += parameter.key().starts_with(prefix) ? 1 : 0;
        }
      }
      EXPECT_EQ(found, 1) << parameter.key();
    }
  }
}

TEST(LayerGroups, ThePreparedNetworkHasTheSame) {
  const auto network = seeded_network(toy_transunet());
  const auto groups = network->layer_groups();
  const auto inference = network->prepared_for_inference(at::kCPU, at::kFloat);
  const auto prepared = inference->layer_groups();
  ASSERT_EQ(groups.size(), prepared.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    EXPECT_EQ(groups[i].name, prepared[i].name);
  }
}

}  // namespace
}  // namespace retina::net
