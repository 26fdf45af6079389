#include "retina/trainer/meters.h"

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/fixtures.h"

namespace retina::trainer {
namespace {

constexpr int kNoIgnore = 255;
constexpr double kMeterTolerance = 1e-6;  // float32; parity README section 5

TEST(MetersParity, metrics) {
  const auto folder = testing::parity_root() / "retina" / "metrics";
  RETINA_SKIP_WITHOUT(folder);
  const auto tensors = tensor::read_safetensors(folder / "metrics.safetensors");
  const Json cases = core::read_json(folder / "expected.json").at("cases");
  for (const auto& [name, entry] : cases.at("multiclass_meter").items()) {
    const at::Tensor* logits = tensors.find(name + ".logits");
    if (logits == nullptr) {
      continue;
    }
    const at::Tensor iou = batch_iou(*logits, tensors.at(name + ".label").to(at::kLong), kNoIgnore);
    const Json& expected = entry.at("authors_IoU_meter");
    ASSERT_EQ(iou.numel(), static_cast<std::int64_t>(expected.size())) << name;
    for (std::int64_t k = 0; k < iou.numel(); ++k) {
      EXPECT_NEAR(iou[k].item<double>(), expected[static_cast<std::size_t>(k)].get<double>(),
                  kMeterTolerance)
          << name << " class " << k;
    }
  }
  const Json& meters = cases.at("meters");
  const at::Tensor sequence = tensors.at("meter.sequence");
  Meters ema(meters.at("ema_momentum").get<double>());
  for (std::int64_t n = 0; n < sequence.size(0); ++n) {
    ema.add({{"iou", sequence[n]}});
    for (std::int64_t k = 0; k < sequence.size(1); ++k) {
      EXPECT_NEAR(
          ema.value().at("iou/" + std::to_string(k)).get<double>(),
          meters.at("ema_avg_after_each")[static_cast<std::size_t>(n)][static_cast<std::size_t>(k)]
              .get<double>(),
          kMeterTolerance);
    }
  }
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
  second.load_state(first.state());
  whole.add({{"loss", at::tensor(0.25F)}});
  second.add({{"loss", at::tensor(0.25F)}});
  EXPECT_EQ(whole.value(), second.value());
}

}  // namespace
}  // namespace retina::trainer
