#include "retina/model/preprocess.h"

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/fixtures.h"

namespace retina::model {
namespace {

TEST(Preprocess, MeanAndDeviationBecomeZeroAndOne) {
  const Preprocess preprocess{.range = {}, .mean = 0.4, .std = 0.2};
  const at::Tensor pixels = torch::tensor({102, 153}, at::kByte);
  const at::Tensor values = preprocess.normalise(pixels);
  EXPECT_EQ(values.scalar_type(), at::kFloat);
  EXPECT_NEAR(values[0].item<float>(), 0, 1e-6);
  EXPECT_NEAR(values[1].item<float>(), 1, 1e-6);
}

TEST(PreprocessParity, inference2d) {
  const auto folder = testing::parity_root() / "retina" / "inference2d";
  RETINA_SKIP_WITHOUT(folder / "expected.json");
  const Json expected = core::read_json(folder / "expected.json");
  int compared = 0;
  for (const auto& [name, facts] : expected.at("cases").items()) {
    const auto file = tensor::read_safetensors(folder / (name + ".safetensors"));
    if (const at::Tensor* normalised = file.find("normalised")) {
      const Preprocess preprocess{.range = {},
                                  .mean = facts.at("norms").at("mean").get<double>(),
                                  .std = facts.at("norms").at("std").get<double>()};
      EXPECT_TRUE(at::equal(preprocess.normalise(file.at("image")), *normalised)) << name;
      ++compared;
    }
  }
  if (compared == 0) {
    GTEST_SKIP() << "absent: a normalised image in " << folder.string();
  }
}

class PreprocessOfParity : public ::testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Fixture, PreprocessOfParity,
                         ::testing::Values("transunet_finetune_small", "transunet_full"),
                         [](const auto& test) { return test.param; });

TEST_P(PreprocessOfParity, InputOfTheNetwork) {
  const auto folder = testing::parity_root() / "retina" / GetParam();
  RETINA_SKIP_WITHOUT(folder / "input.safetensors");
  const auto input = tensor::read_safetensors(folder / "input.safetensors");
  if (input.find("image_uint8") == nullptr) {
    GTEST_SKIP() << "absent: image_uint8 in " << folder.string();
  }
  const Json norms = core::read_json(folder / "config.json").at("norms");
  const Preprocess preprocess{
      .range = {}, .mean = norms.at("mean").get<double>(), .std = norms.at("std").get<double>()};
  const at::Tensor& image = input.at("image");
  EXPECT_TRUE(at::equal(preprocess.normalise(input.at("image_uint8")).view(image.sizes()), image));
}

}  // namespace
}  // namespace retina::model
