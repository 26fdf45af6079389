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

}  // namespace
}  // namespace retina::model
