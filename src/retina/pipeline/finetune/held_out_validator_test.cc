#include "retina/pipeline/finetune/held_out_validator.h"

#include <memory>
#include <stop_token>

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(HeldOutValidator, ChosenSlicesAreEvenlySpaced) {
  std::vector<data::Slice> slices;
  for (int i = 0; i < 10; ++i) {
    slices.push_back({.volume = i, .axis = 0, .index = 0});
  }
  const auto two = evenly_spaced(slices, 2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].volume, 2);
  EXPECT_EQ(two[1].volume, 7);
  EXPECT_EQ(evenly_spaced(slices, 0).size(), 10U);
  EXPECT_EQ(evenly_spaced(slices, 99).size(), 10U);
}

/// Says foreground where the normalised image is positive.
class SignNetwork final : public net::DenseNetwork {
 public:
  net::InputSpec input() const override { return {.rank = 2, .channels = 1, .window = 32}; }
  net::HeadSpec head() const override { return {"segmentation", 1, 1, "sigmoid"}; }
  at::Tensor forward(const at::Tensor& images_NCYX) override { return images_NCYX; }
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device, at::ScalarType) const override {
    return std::make_shared<SignNetwork>();
  }
};

/// Images bright in their right half; the label of each is given by `label(x)`.
template <class Label>
void add_half_bright(data::Dataset& dataset, Label label) {
  constexpr std::int64_t kSide = 32;
  core::Array image(core::DType::u8, 1, {1, kSide, kSide});
  core::Array labels(core::DType::u8, 1, {1, kSide, kSide});
  for (std::int64_t y = 0; y < kSide; ++y) {
    for (std::int64_t x = 0; x < kSide; ++x) {
      image.at<std::uint8_t>(0, 0, y, x) = x >= kSide / 2 ? 250 : 5;
      labels.at<std::uint8_t>(0, 0, y, x) = static_cast<std::uint8_t>(label(x));
    }
  }
  dataset.slices.push_back({.volume = static_cast<int>(dataset.volumes.size())});
  dataset.volumes.push_back({.name = "image",
                             .image = core::in_memory(std::move(image)),
                             .labels = core::in_memory(std::move(labels)),
                             .range = {}});
}

ValidationScores validate_sign_network(const data::Dataset& dataset) {
  const HeldOutValidator validator(std::make_shared<data::Dataset>(dataset),
                                   {.classes = {"bright"},
                                    .preprocess = {.range = {}, .mean = 0.5, .std = 0.25},
                                    .windows = {}});
  return validator.score(SignNetwork(), core::silent_context());
}

data::Dataset held_out_set() {
  data::Dataset dataset;
  dataset.label_map = {.values = {}, .ignore_value = 9, .class_count = 2};
  return dataset;
}

TEST(HeldOutValidator, ScoreIsTheMeanOverSlicesAndThePooledOneOfAllPixels) {
  data::Dataset dataset = held_out_set();
  add_half_bright(dataset, [](std::int64_t x) { return x >= 16 ? 1 : 0; });
  add_half_bright(dataset, [](std::int64_t x) { return x >= 24 ? 1 : 0; });
  const ValidationScores scores = validate_sign_network(dataset);
  EXPECT_NEAR(scores.classes[0].iou, 0.75, 1e-6);
  EXPECT_NEAR(scores.classes[0].pooled_iou, 24.0 / 32, 1e-6);
}

TEST(HeldOutValidator, IgnoredPixelsAndSlicesCountForNothing) {
  data::Dataset dataset = held_out_set();
  add_half_bright(dataset, [](std::int64_t x) { return x >= 24 ? 1 : x >= 20 ? 9 : 0; });
  add_half_bright(dataset, [](std::int64_t) { return 9; });
  const ValidationScores scores = validate_sign_network(dataset);
  EXPECT_NEAR(scores.classes[0].iou, 8.0 / 12, 1e-6);
  data::Dataset unknown = held_out_set();
  add_half_bright(unknown, [](std::int64_t) { return 9; });
  EXPECT_THROW(validate_sign_network(unknown), Error);
}

TEST(HeldOutValidator, TuningTheThresholdEndsWhenAskedTo) {
  data::Dataset dataset = held_out_set();
  add_half_bright(dataset, [](std::int64_t x) { return x >= 16 ? 1 : 0; });
  const HeldOutValidator validator(std::make_shared<data::Dataset>(dataset),
                                   {.classes = {"bright"}, .preprocess = {}, .windows = {}});
  std::stop_source stop;
  core::Context context = core::silent_context();
  context.stop = stop.get_token();
  EXPECT_NO_THROW(validator.best_threshold(SignNetwork(), context));
  stop.request_stop();
  try {
    validator.best_threshold(SignNetwork(), context);
    FAIL() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(HeldOutValidator, MeanIsOverClasses) {
  const ValidationScores scores{.classes = {{"a", 0.5, 0.1}, {"b", 1.0, 0.1}}, .samples = {}};
  EXPECT_DOUBLE_EQ(scores.mean_iou(), 0.75);
}

}  // namespace
}  // namespace retina::pipeline
