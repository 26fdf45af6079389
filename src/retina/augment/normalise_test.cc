#include "retina/augment/normalise.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Normalise, PublishedConstantsGiveThePublishedRange) {
  const Normalisation n{.mean = 0.57287007, .std = 0.12740536};
  const at::Tensor out = normalise(at::tensor({0, 255}, at::kByte), n);
  EXPECT_NEAR(out[0].item<double>(), -4.496436, 1e-6);  // retina.md, self-check numbers
  EXPECT_NEAR(out[1].item<double>(), 3.352527, 1e-6);
}

}  // namespace
}  // namespace retina::augment
