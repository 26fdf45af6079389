#include "retina/loss/segmentation_loss.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/loss/restoration_loss.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/fixtures.h"

namespace retina::loss {
namespace {

at::Tensor random_labels(int n, int side, int classes) {
  return at::randint(0, std::max(2, classes), {n, side, side}, at::kLong);
}

at::Tensor gradient_of(const at::Tensor& total, const at::Tensor& logits) {
  return torch::autograd::grad({total}, {logits})[0];
}

/// Central differences of the total at `logits`.
at::Tensor numeric_gradient(const at::Tensor& logits, const at::Tensor& labels,
                            const SegmentationLossOptions& options) {
  at::Tensor gradient = at::zeros_like(logits);
  const double step = 1e-5;
  for (std::int64_t i = 0; i < logits.numel(); ++i) {
    const auto shifted = [&](double by) {
      at::Tensor moved = logits.detach().clone();
      moved.view({-1})[i] += by;
      return segmentation_loss(moved, labels, options).total.item<double>();
    };
    gradient.view({-1})[i] = (shifted(step) - shifted(-step)) / (2 * step);
  }
  return gradient;
}

struct LossCase {
  const char* name;
  int classes;
  std::vector<double> class_weights;
  int ignore_value;
};

class SegmentationLossOf : public ::testing::TestWithParam<LossCase> {
 protected:
  SegmentationLossOptions options() const {
    return {.class_weights = GetParam().class_weights, .ignore_value = GetParam().ignore_value};
  }
  void SetUp() override {
    at::manual_seed(7);
    logits_ = at::randn({2, GetParam().classes, 4, 4}, at::kDouble).requires_grad_(true);
    labels_ = random_labels(2, 4, GetParam().classes);
    if (GetParam().ignore_value >= 0) {
      labels_.masked_fill_(at::rand({2, 4, 4}) < 0.3, GetParam().ignore_value);
    }
  }
  at::Tensor logits_;
  at::Tensor labels_;
};

TEST_P(SegmentationLossOf, HasTheGradientOfItsValue) {
  const SegmentationLoss loss = segmentation_loss(logits_, labels_, options());
  const at::Tensor gradient = gradient_of(loss.total, logits_);
  EXPECT_TRUE(at::allclose(gradient, numeric_gradient(logits_, labels_, options()), 1e-6, 1e-8));
}

TEST_P(SegmentationLossOf, IsTheWeightedSumOfItsParts) {
  SegmentationLossOptions weighted = options();
  weighted.ce_weight = 0.25;
  weighted.dice_weight = 2;
  const SegmentationLoss loss = segmentation_loss(logits_, labels_, weighted);
  EXPECT_DOUBLE_EQ(loss.total.item<double>(),
                   0.25 * loss.ce.item<double>() + 2 * loss.dice.item<double>());
}

INSTANTIATE_TEST_SUITE_P(Kinds, SegmentationLossOf,
                         ::testing::Values(LossCase{"binary", 1, {}, -1},
                                           LossCase{"binary_ignore", 1, {}, 255},
                                           LossCase{"classes", 3, {}, -1},
                                           LossCase{"classes_ignore", 3, {}, 255},
                                           LossCase{"weighted", 3, {0.1, 1, 3}, -1},
                                           LossCase{"weighted_ignore", 3, {0.1, 1, 3}, 2}),
                         [](const auto& test) { return test.param.name; });

TEST(SegmentationLoss, IgnoredPixelsContributeNothing) {
  at::manual_seed(1);
  for (const int classes : {1, 3}) {
    const SegmentationLossOptions options{
        .class_weights = classes == 1 ? std::vector<double>{} : std::vector<double>{0.5, 1, 2},
        .ignore_value = 255};
    const at::Tensor left = at::randn({2, classes, 6, 3}, at::kDouble);
    const at::Tensor labels_left = at::randint(0, std::max(2, classes), {2, 6, 3}, at::kLong);
    const at::Tensor logits =
        at::cat({left, 50 * at::randn({2, classes, 6, 5}, at::kDouble)}, 3).requires_grad_(true);
    const at::Tensor labels = at::cat({labels_left, at::full({2, 6, 5}, 255, at::kLong)}, 2);
    const SegmentationLoss whole = segmentation_loss(logits, labels, options);
    const SegmentationLoss part = segmentation_loss(left, labels_left, options);
    EXPECT_NEAR(whole.ce.item<double>(), part.ce.item<double>(), 1e-12) << classes;
    EXPECT_NEAR(whole.dice.item<double>(), part.dice.item<double>(), 1e-12) << classes;
    const at::Tensor gradient = gradient_of(whole.total, logits);
    EXPECT_EQ(gradient.narrow(3, 3, 5).abs().max().item<double>(), 0) << classes;
  }
}

TEST(SegmentationLoss, IsFiniteWhereEveryPixelIsIgnored) {
  for (const int classes : {1, 2}) {
    const at::Tensor logits = at::randn({1, classes, 4, 4}).requires_grad_(true);
    const SegmentationLoss loss = segmentation_loss(logits, at::full({1, 4, 4}, 9, at::kLong),
                                                    {.class_weights = {}, .ignore_value = 9});
    EXPECT_EQ(loss.ce.item<float>(), 0);
    EXPECT_TRUE(gradient_of(loss.total, logits).isfinite().all().item<bool>());
  }
}

TEST(SegmentationLoss, OneClassWeightPerClass) {
  const at::Tensor labels = at::zeros({1, 4, 4}, at::kLong);
  EXPECT_THROW(segmentation_loss(at::zeros({1, 3, 4, 4}), labels, {.class_weights = {1, 1}}),
               Error);
  EXPECT_THROW(segmentation_loss(at::zeros({1, 1, 4, 4}), labels, {.class_weights = {1}}), Error);
}

TEST(SegmentationLoss, RefusesLabelsOutsideTheClasses) {
  EXPECT_NO_THROW(check_labels(at::tensor({0, 1}, at::kLong), 1, -1));
  EXPECT_NO_THROW(check_labels(at::tensor({0, 255}, at::kLong), 2, 255));
  EXPECT_THROW(check_labels(at::tensor({0, 2}, at::kLong), 1, -1), Error);
  EXPECT_THROW(check_labels(at::tensor({-1, 0}, at::kLong), 3, -1), Error);
  try {
    check_labels(at::tensor({0, 7}, at::kLong), 3, 255);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(),
                ::testing::AllOf(::testing::HasSubstr("7"), ::testing::HasSubstr("0 to 2")));
  }
}

TEST(SegmentationLoss, HalfPrecisionLogitsGiveAFloatLoss) {
  const at::Tensor logits = at::zeros({1, 2, 4, 4}, at::kBFloat16);
  EXPECT_EQ(segmentation_loss(logits, at::zeros({1, 4, 4}, at::kLong)).total.scalar_type(),
            at::kFloat);
}

// Tolerances of the fixture's README: 2e-6 relative to float64, gradients 1e-6 absolute.
class LossesParity : public ::testing::Test {
 protected:
  static std::filesystem::path folder() { return testing::parity_root() / "retina" / "losses"; }

  static void expect_value(const at::Tensor& value, const Json& expected, const std::string& what) {
    const double truth = expected.get<double>();
    EXPECT_NEAR(value.item<double>(), truth, 2e-6 * std::abs(truth) + 1e-12) << what;
  }
};

/// Labels outside the classes, which segmentation_loss refuses, as the published code scores them:
/// of several classes they are none, of one class the number itself is the target.
SegmentationLoss published_loss_of_any_label(const at::Tensor& logits_NKYX,
                                             const at::Tensor& labels_NYX) {
  constexpr double kSmooth = 1e-5;
  const std::int64_t classes = logits_NKYX.size(1);
  if (classes == 1) {
    const at::Tensor logits = logits_NKYX.squeeze(1);
    const at::Tensor p = logits.sigmoid();
    const at::Tensor y = labels_NYX.to(p.scalar_type());
    return {.total = {},
            .ce = at::binary_cross_entropy_with_logits(logits, y),
            .dice = 1 - (2 * (p * y).sum() + kSmooth) / (p.sum() + y.sum() + kSmooth)};
  }
  const std::vector<std::int64_t> axes{0, 2, 3};
  const at::Tensor p = logits_NKYX.softmax(1);
  const at::Tensor ids = at::arange(classes, at::kLong).view({1, classes, 1, 1});
  const at::Tensor y = labels_NYX.unsqueeze(1).eq(ids).to(p.scalar_type());
  const at::Tensor sizes = (p * p).sum(axes) + y.sum(axes);
  const at::Tensor dice = 1 - (2 * (p * y).sum(axes) + kSmooth) / (sizes + kSmooth);
  return {.total = {}, .ce = {}, .dice = dice.mean()};
}

bool has_labels_outside(const at::Tensor& labels, std::int64_t classes) {
  return labels.max().item<std::int64_t>() > std::max<std::int64_t>(1, classes - 1) ||
         labels.min().item<std::int64_t>() < 0;
}

TEST_F(LossesParity, losses) {
  RETINA_SKIP_WITHOUT(folder());
  const Json cases = core::read_json(folder() / "expected.json").at("cases");
  const tensor::NamedTensors fixture = tensor::read_safetensors(folder() / "losses.safetensors");
  for (const auto& [name, expected] : cases.items()) {
    if (expected.contains("mse")) {
      const at::Tensor output = fixture.at(name + ".output").clone().requires_grad_(true);
      const at::Tensor loss = restoration_loss(output, fixture.at(name + ".target"));
      expect_value(loss, expected.at("mse_f64"), name);
      expect_value(loss, expected.at("mse"), name);
      EXPECT_TRUE(at::allclose(gradient_of(loss, output), fixture.at(name + ".grad"), 0, 1e-6));
      continue;
    }
    const at::Tensor logits = fixture.at(name + ".logits").clone().requires_grad_(true);
    const at::Tensor labels = fixture.at(name + ".label").to(at::kLong);
    if (has_labels_outside(labels, logits.size(1))) {
      EXPECT_THROW(segmentation_loss(logits, labels), Error) << name;
      const SegmentationLoss published = published_loss_of_any_label(logits, labels);
      expect_value(published.dice, expected.at("dice"), name + " dice");
      EXPECT_EQ(published.ce.defined(), expected.contains("ce")) << name;
      if (published.ce.defined()) {
        expect_value(published.ce, expected.at("ce"), name + " ce");
      }
      continue;
    }
    EXPECT_EQ(expected.at("n_classes"), logits.size(1)) << name;
    SegmentationLossOptions options;
    if (!expected.at("class_weights").is_null()) {
      options.class_weights = expected.at("class_weights").get<std::vector<double>>();
    }
    const SegmentationLoss loss = segmentation_loss(logits, labels, options);
    for (const char* precision : {"", "_f64"}) {
      expect_value(loss.ce, expected.at(std::string("ce") + precision), name + " ce");
      expect_value(loss.dice, expected.at(std::string("dice") + precision), name + " dice");
      expect_value(loss.total, expected.at(std::string("total") + precision), name + " total");
    }
    const at::Tensor gradient = gradient_of(loss.total, logits);
    EXPECT_TRUE(at::allclose(gradient, fixture.at(name + ".grad"), 0, 1e-6))
        << name << ": " << (gradient - fixture.at(name + ".grad")).abs().max();
    const SegmentationLoss exact =
        segmentation_loss(logits.detach().to(at::kDouble), labels, options);
    EXPECT_NEAR(exact.total.item<double>(), expected.at("total_f64").get<double>(), 1e-6) << name;
  }
}

}  // namespace
}  // namespace retina::loss
