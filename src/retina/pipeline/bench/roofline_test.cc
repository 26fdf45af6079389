#include "retina/pipeline/bench/roofline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/net/toy_for_test.h"
#include "retina/net/transunet.h"

namespace retina::pipeline {
namespace {

/// Multiplications for one image of a toy network, by hand: output pixels x weights of a kernel.
struct PartWork {
  const char* name;
  double forward;
};
const std::vector<PartWork>& toy_work() {
  static const std::vector<PartWork> work{
      {"root", 16 * 16 * (16 * 49 * 1)},  // one input channel: the three are folded
      {"block1", 49 * (16 * 16 + 16 * 16 * 9 + 16 * 64 + 16 * 64)},
      {"block2", 49 * (64 * 32) + 16 * (32 * 32 * 9 + 32 * 128 + 64 * 128) +
                     16 * (128 * 32 + 32 * 32 * 9 + 32 * 128)},
      {"block3", 16 * (128 * 64) + 4 * (64 * 64 * 9 + 64 * 256 + 128 * 256)},
      {"patch_embeddings", 4 * (256 * 12)},
      // two layers: query, key, value and output; the two products of attention; feed-forward
      {"encoder", 2 * (4 * (4 * 12 * 12) + 2 * (4 * 4 * 12) + 4 * (2 * 12 * 20))},
      {"conv_more", 4 * (12 * 8 * 9)},
      {"decoder.0", 16 * ((8 + 128) * 8 * 9 + 8 * 8 * 9)},
      {"decoder.1", 64 * ((8 + 64) * 8 * 9 + 8 * 8 * 9)},
      {"decoder.2", 256 * ((8 + 16) * 4 * 9 + 4 * 4 * 9)},
      {"decoder.3", 1024 * (4 * 4 * 9 + 4 * 4 * 9)},
      {"head", 1024 * (4 * 1 * 9)}};
  return work;
}

struct ToyRoofline {
  std::int64_t parameters = 0;
  Roofline roofline;
};

const ToyRoofline& toy_roofline() {
  static const ToyRoofline measured = [] {
    at::manual_seed(1);
    net::TransUNet network(net::toy_transunet());
    ToyRoofline toy{.roofline = measure_roofline(network, {.batch = 2, .seconds = 0.001})};
    for (const at::Tensor& parameter : network.parameters()) {
      toy.parameters += parameter.numel();
    }
    return toy;
  }();
  return measured;
}

TEST(Roofline, CountsTheArithmeticOfEveryPart) {
  const std::vector<LayerFigure>& layers = toy_roofline().roofline.forward.layers;
  ASSERT_EQ(layers.size(), toy_work().size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(layers[i].name, toy_work()[i].name);
    EXPECT_NEAR(1e9 * layers[i].gflop, 2 * toy_work()[i].forward, 0.5) << layers[i].name;
  }
}

TEST(Roofline, TrainingIsThreeTimesTheArithmetic) {
  const std::vector<LayerFigure>& layers = toy_roofline().roofline.training.layers;
  ASSERT_EQ(layers.size(), toy_work().size());
  // the root reads three channels, and its input needs no gradient
  EXPECT_NEAR(1e9 * layers[0].gflop, 2 * 2 * 3 * toy_work()[0].forward, 0.5);
  for (std::size_t i = 1; i < layers.size(); ++i) {
    EXPECT_NEAR(1e9 * layers[i].gflop, 3 * 2 * toy_work()[i].forward, 0.5) << layers[i].name;
  }
}

TEST(Roofline, PartsHoldAllParametersAndTakeTime) {
  const Roofline& roofline = toy_roofline().roofline;
  for (const LayerTable& table : {roofline.forward, roofline.training}) {
    std::int64_t parameters = 0;
    for (const LayerFigure& layer : table.layers) {
      EXPECT_GT(layer.ms, 0) << layer.name;
      EXPECT_GT(layer.megabytes, 0) << layer.name;
      parameters += layer.parameters;
    }
    EXPECT_EQ(parameters, toy_roofline().parameters);
    EXPECT_GT(table.whole_ms, 0);
  }
}

TEST(Roofline, BytesAreReadAndWrittenOnce) {
  // the head: 4 channels in, one out, its kernel once for the two images, float32
  const LayerFigure& head = toy_roofline().roofline.forward.layers.back();
  EXPECT_NEAR(1e6 * head.megabytes, 4 * (1024 * (4 + 1) + 4 * 9 / 2.0), 0.5);
}

TEST(Roofline, IntensityTellsTheBound) {
  const Roofline roofline{.precision = "fp32",
                          .batch = 1,
                          .matrix_gflops = 100,
                          .convolution_gflops = 80,
                          .bandwidth_gbs = 10,
                          .forward = {},
                          .training = {}};
  const LayerFigure lean{.name = "lean", .gflop = 0.005, .megabytes = 1, .ms = 1};
  EXPECT_EQ(roofline.bound(lean), "memory");
  EXPECT_DOUBLE_EQ(roofline.attainable_gflops(lean), 50);
  const LayerFigure dense{.name = "dense", .gflop = 0.02, .megabytes = 1, .ms = 1};
  EXPECT_EQ(roofline.bound(dense), "arithmetic");
  EXPECT_DOUBLE_EQ(roofline.attainable_gflops(dense), 100);
}

TEST(Roofline, ReportsHaveEveryPart) {
  const Roofline& roofline = toy_roofline().roofline;
  const Json json = to_json(roofline);
  EXPECT_EQ(json.at("layers").size(), toy_work().size());
  EXPECT_EQ(json.at("training_layers").size(), toy_work().size());
  for (const char* key : {"name", "gflop", "megabytes", "ms", "gflops", "share_of_peak", "bound"}) {
    EXPECT_TRUE(json.at("layers").at(0).contains(key)) << key;
  }
  EXPECT_GT(json.at("peak_gflops"), 0);
  EXPECT_GT(json.at("bandwidth_gbs"), 0);
  EXPECT_THAT(to_text(roofline), ::testing::HasSubstr("| `decoder.3` |"));
}

}  // namespace
}  // namespace retina::pipeline
