#include "retina/trainer/meters.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/fixtures.h"

namespace retina::trainer {
namespace {

constexpr int kNoIgnore = 255;
constexpr double kMeterTolerance = 1e-6;  // float32; parity README section 5

class MetersParity : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = testing::parity_root() / "retina" / "metrics";
    RETINA_SKIP_WITHOUT(folder);
    tensors_ = tensor::read_safetensors(folder / "metrics.safetensors");
    cases_ = core::read_json(folder / "expected.json").at("cases");
  }

  /// The meter of one batch of logits; empty where this set has no tensors of the case.
  std::vector<double> measured(const std::string& name) const {
    const at::Tensor* logits = tensors_.find(name + ".logits");
    if (logits == nullptr) {
      return {};
    }
    return as_vector(batch_iou(*logits, tensors_.at(name + ".label").to(at::kLong), kNoIgnore));
  }
  static std::vector<double> as_vector(const at::Tensor& values) {
    const at::Tensor flat = values.to(at::kDouble).contiguous();
    return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
  }

  tensor::NamedTensors tensors_;
  Json cases_;
};

TEST_F(MetersParity, metrics_classes) {
  for (const auto& [name, entry] : cases_.at("multiclass_meter").items()) {
    const auto expected = entry.at("authors_IoU_meter").get<std::vector<double>>();
    std::vector<double> iou = measured(name);
    if (iou.empty() && expected.size() == 1) {
      // Logits of 0 have no tensors here, so the size is not known: the score must be that of an
      // image whose foreground pixels, whatever their number, were all called background.
      const auto pixels = std::llround(1e-5 / expected[0] - 1e-5);
      const at::Tensor labels = at::ones({1, pixels, 1}, at::kLong);
      iou = as_vector(batch_iou(at::zeros({1, 1, pixels, 1}), labels, kNoIgnore));
      EXPECT_NEAR(iou[0] / expected[0], 1, kMeterTolerance) << name;
    }
    ASSERT_EQ(iou.empty() ? expected.size() : iou.size(), expected.size()) << name;
    for (std::size_t k = 0; k < iou.size(); ++k) {
      EXPECT_NEAR(iou[k], expected[k], kMeterTolerance) << name << " class " << k;
    }
  }
}

TEST_F(MetersParity, metrics_one_class) {
  for (const auto& [name, entry] : cases_.items()) {
    if (!entry.is_object() || !entry.contains("authors_IoU_meter_binary")) {
      continue;
    }
    const at::Tensor logits = tensors_.at(name + ".pred").to(at::kFloat).mul(6).sub(3);
    const at::Tensor truth = tensors_.at(name + ".truth").to(at::kLong);
    const at::Tensor iou = batch_iou(logits.view({1, 1, -1, 1}), truth.view({1, -1, 1}), kNoIgnore);
    EXPECT_NEAR(iou[0].item<double>(),
                entry.at("authors_IoU_meter_binary").at("value").at(0).get<double>(),
                kMeterTolerance)
        << name;
  }
}

/// The lines "NAME: value" of each class and "Mean IoU: value" belong to one of the meter's cases.
TEST_F(MetersParity, metrics_printed) {
  std::vector<double> printed;
  for (const Json& line : cases_.at("compose_print_lines")) {
    const auto text = line.get<std::string>();
    printed.push_back(std::stod(text.substr(text.find(':') + 1)));
  }
  bool found = false;
  for (const auto& [name, entry] : cases_.at("multiclass_meter").items()) {
    const std::vector<double> iou = measured(name);
    double mean = 0;
    bool equal = iou.size() + 1 == printed.size();
    for (std::size_t k = 0; equal && k < iou.size(); ++k) {  // classes are printed with 3 digits
      equal = std::abs(iou[k] - printed[k]) <= 0.5e-3 + kMeterTolerance;
      mean += iou[k] / static_cast<double>(iou.size());
    }
    found = found || (equal && std::abs(mean - printed.back()) <= kMeterTolerance);
  }
  EXPECT_TRUE(found) << cases_.at("compose_print_lines");
}

void expect_after_each(Meters& meters, const at::Tensor& sequence, const Json& expected) {
  ASSERT_EQ(static_cast<std::int64_t>(expected.size()), sequence.size(0));
  for (std::int64_t n = 0; n < sequence.size(0); ++n) {
    meters.add({{"iou", sequence[n]}});
    const auto wanted = expected[static_cast<std::size_t>(n)].get<std::vector<double>>();
    ASSERT_EQ(static_cast<std::int64_t>(wanted.size()), sequence.size(1));
    for (std::size_t k = 0; k < wanted.size(); ++k) {
      EXPECT_NEAR(meters.value().at("iou/" + std::to_string(k)).get<double>(), wanted[k],
                  kMeterTolerance)
          << "after " << n + 1 << ", class " << k;
    }
  }
}

TEST_F(MetersParity, metrics_averages) {
  const Json& meters = cases_.at("meters");
  const at::Tensor sequence = tensors_.at("meter.sequence");
  EXPECT_EQ(meters.at("ema_momentum"), 0.98) << "the published momentum is the meters' default";
  Meters ema(meters.at("ema_momentum").get<double>());
  expect_after_each(ema, sequence, meters.at("ema_avg_after_each"));
  // the published plain average: means that forget nothing, as close to 1 as doubles bear
  Meters plain(1 - 1e-8);
  expect_after_each(plain, sequence, meters.at("average_after_each"));
}

TEST(Meters, IgnoredPixelsCountNowhere) {
  const at::Tensor logits = at::tensor({5.0F, 5.0F, -5.0F, -5.0F}).view({1, 1, 2, 2});
  const at::Tensor labels = at::tensor({1, 255, 255, 0}, at::kLong).view({1, 2, 2});
  EXPECT_FLOAT_EQ(batch_iou(logits, labels, 255)[0].item<float>(), 1);
}

TEST(Meters, GoOnFromTheirState) {
  Meters whole;
  Meters first;
  whole.add({{"loss", at::tensor(0.5F)}});
  first.add({{"loss", at::tensor(0.5F)}});
  Meters second;
  second.load_state(first.state(), "meters");
  whole.add({{"loss", at::tensor(0.25F)}});
  second.add({{"loss", at::tensor(0.25F)}});
  EXPECT_EQ(whole.value(), second.value());
}

}  // namespace
}  // namespace retina::trainer
