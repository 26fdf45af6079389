#include "retina/net/transunet_inference.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/net/transunet.h"

namespace retina::net {
namespace {

/// A network whose norms, biases, positions and running statistics are not at their defaults.
std::shared_ptr<TransUNet> perturbed_network(TransUNetOptions options) {
  at::manual_seed(11);
  auto network = std::make_shared<TransUNet>(options);
  const at::NoGradGuard no_grad;
  for (auto& parameter : network->named_parameters()) {
    parameter.value().add_(0.1 * at::randn_like(parameter.value()));
  }
  network->train();
  network->forward(at::randn({2, options.in_channels, options.window, options.window}));
  network->eval();
  return network;
}

TransUNetOptions inference_options() {
  return {.window = 96,
          .classes = 3,
          .hidden = 24,
          .mlp = 48,
          .heads = 3,
          .layers = 2,
          .resnet_units = {1, 2, 1},
          .width_factor = 0.5,
          .decoder_head_channels = 32,
          .decoder_channels = {32, 16, 16, 16}};
}

double relative_difference(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).norm() / expected.norm()).item<double>();
}

TEST(TransUNetInference, EqualsForwardInEvalMode) {
  for (const int channels : {1, 3}) {
    for (const TransUNetTail tail : {TransUNetTail::segmentation, TransUNetTail::reconstruction}) {
      TransUNetOptions options = inference_options();
      options.in_channels = channels;
      options.tail = tail;
      const auto network = perturbed_network(options);
      const auto prepared = network->prepared_for_inference(at::kCPU, at::kFloat);
      EXPECT_EQ(prepared->head().name, network->head().name);
      const at::NoGradGuard no_grad;
      const at::Tensor images = at::randn({2, channels, 96, 96});
      EXPECT_LT(relative_difference(prepared->forward(images), network->forward(images)), 1e-4);
    }
  }
}

TEST(TransUNetInference, EqualsForwardWithAPixelStride) {
  TransUNetOptions options = inference_options();
  options.pixel_stride = 2;
  options.window = 128;
  const auto network = perturbed_network(options);
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::randn({2, 1, 128, 128});
  EXPECT_LT(
      relative_difference(network->prepared_for_inference(at::kCPU, at::kFloat)->forward(images),
                          network->forward(images)),
      1e-4);
}

TEST(TransUNetInference, Bf16DecidesTheSame) {
  const auto network = perturbed_network(inference_options());
  const auto prepared = network->prepared_for_inference(at::kCPU, at::kBFloat16);
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::randn({2, 1, 96, 96});
  const at::Tensor truth = network->forward(images);
  const at::Tensor logits = prepared->forward(images);
  EXPECT_EQ(logits.scalar_type(), at::kFloat);
  EXPECT_LT(relative_difference(logits, truth), 0.05);
  EXPECT_GT((logits.argmax(1) == truth.argmax(1)).to(at::kDouble).mean().item<double>(), 0.95);
}

TEST(TransUNetInference, LeavesTheNetworkAsItWas) {
  const auto network = perturbed_network(inference_options());
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::randn({1, 1, 96, 96});
  const at::Tensor before = network->forward(images);
  const auto prepared = network->prepared_for_inference(at::kCPU, at::kFloat);
  const at::Tensor logits = prepared->forward(images);
  network->parameters()[0].add_(1);
  EXPECT_TRUE(at::equal(prepared->forward(images), logits)) << "weights are copies";
  network->parameters()[0].sub_(1);
  EXPECT_TRUE(at::allclose(network->forward(images), before, 1e-5, 1e-5));
}

}  // namespace
}  // namespace retina::net
