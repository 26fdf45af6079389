#include "retina/engine/predictor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/engine/parity_network_for_test.h"
#include "retina/engine/pattern_network_for_test.h"
#include "retina/tensor/device.h"
#include "retina/testing/fixtures.h"

namespace retina::engine {
namespace {

at::Tensor random_pixels(std::vector<std::int64_t> shape, std::int64_t seed) {
  const at::Tensor index =
      at::arange(at::prod(torch::tensor(shape)).item<std::int64_t>(), at::kLong);
  return ((index * 2654435761 + seed * 40503).bitwise_right_shift(7) % 256)
      .to(at::kByte)
      .view(shape);
}

/// Steps 2 to 4 of the published procedure, written down plainly, one window at a time, in the
/// arithmetic of `dtype`.
at::Tensor restated_logits(net::DenseNetwork& network, const model::Preprocess& preprocess,
                           const at::Tensor& pixels_YX, const WindowOptions& options,
                           at::ScalarType dtype = at::kFloat) {
  const std::int64_t window = network.input().window;
  const std::int64_t channels = network.head().channels;
  const PlanePlan plan =
      plan_plane(pixels_YX.size(0), pixels_YX.size(1), static_cast<int>(window), options);
  at::Tensor padded_YX = at::zeros({plan.y.padded(), plan.x.padded()}, dtype);
  padded_YX.narrow(0, plan.y.pad_low, plan.y.extent)
      .narrow(1, plan.x.pad_low, plan.x.extent)
      .copy_(preprocess.normalise(pixels_YX));
  at::Tensor sum_KYX = at::zeros({channels, plan.y.padded(), plan.x.padded()}, dtype);
  at::Tensor count_YX = at::zeros({plan.y.padded(), plan.x.padded()}, dtype);
  for (const std::int64_t y : plan.y.starts) {
    for (const std::int64_t x : plan.x.starts) {
      const at::Tensor image_YX = padded_YX.narrow(0, y, window).narrow(1, x, window);
      const at::Tensor logits_KYX =
          network.forward(image_YX.contiguous().view({1, 1, window, window}))[0];
      sum_KYX.narrow(1, y, window).narrow(2, x, window).add_(logits_KYX);
      count_YX.narrow(0, y, window).narrow(1, x, window).add_(1);
    }
  }
  return (sum_KYX / count_YX)
      .narrow(1, plan.y.pad_low, plan.y.extent)
      .narrow(2, plan.x.pad_low, plan.x.extent);
}

TEST(PlanePredictor, PublishedProcedureEqualsItsRestatement) {
  for (const auto& [y, x] : {std::pair(70, 100), std::pair(20, 75), std::pair(32, 32)}) {
    const at::Tensor pixels_YX = random_pixels({y, x}, 1);
    PlanePredictor predictor = pattern_predictor(3, published_windows());
    PatternNetwork network(3);
    const at::Tensor restated_KYX = restated_logits(
        network, {.range = {}, .mean = 0.5, .std = 0.25}, pixels_YX, published_windows());
    EXPECT_LT((predictor.logits(pixels_YX) - restated_KYX).abs().max().item<float>(), 2e-6F);
  }
}

TEST(PlanePredictorGpu, GivesTheLogitsOfTheCpu) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  tensor::use_precision(tensor::Precision::fp32, device);
  for (const WindowOptions& windows : {WindowOptions{}, published_windows()}) {
    for (const auto& [y, x] : {std::pair(70, 100), std::pair(20, 75)}) {
      const at::Tensor pixels_YX = random_pixels({y, x}, 1);
      const at::Tensor cpu_KYX = pattern_predictor(3, windows).logits(pixels_YX);
      const at::Tensor gpu_KYX = pattern_predictor(3, windows, device).logits(pixels_YX);
      EXPECT_TRUE(gpu_KYX.is_cuda());
      EXPECT_LT((gpu_KYX.cpu() - cpu_KYX).abs().max().item<float>(), 1e-4F);
    }
  }
}

/// A network on a device that has memory for `most` windows.
class NarrowNetwork final : public net::DenseNetwork {
 public:
  explicit NarrowNetwork(std::int64_t most) : most_(most) {}
  net::InputSpec input() const override { return pattern_.input(); }
  net::HeadSpec head() const override { return pattern_.head(); }
  at::Tensor forward(const at::Tensor& images_NCYX) override {
    TORCH_CHECK_WITH(OutOfMemoryError, images_NCYX.size(0) <= most_, "out of memory");
    return pattern_.forward(images_NCYX);
  }
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device, at::ScalarType) const override {
    return std::make_shared<NarrowNetwork>(most_);
  }

 private:
  std::int64_t most_;
  PatternNetwork pattern_{3};
};

PlanePredictor narrow_predictor(std::int64_t most, std::vector<std::string>& said) {
  PlanePredictor predictor(std::make_shared<NarrowNetwork>(most),
                           {.range = {}, .mean = 0.5, .std = 0.25}, {.batch = 8}, at::kCPU,
                           at::kFloat);
  predictor.set_hooks(
      {.after_batch = [] {}, .warn = [&said](const std::string& text) { said.push_back(text); }});
  return predictor;
}

TEST(PlanePredictor, BatchesThatDoNotFitAreHalvedLoudly) {
  const at::Tensor pixels_YX = random_pixels({70, 100}, 1);
  std::vector<std::string> said;
  PlanePredictor narrow = narrow_predictor(2, said);
  PlanePredictor wide = pattern_predictor(3, {.batch = 8});
  EXPECT_TRUE(at::allclose(narrow.logits(pixels_YX), wide.logits(pixels_YX), 1e-5, 1e-6));
  EXPECT_THAT(said, ::testing::ElementsAre(::testing::HasSubstr("batch of 8"),
                                           ::testing::HasSubstr("batch of 4")));
}

TEST(PlanePredictor, OneWindowThatDoesNotFitIsAnError) {
  std::vector<std::string> said;
  PlanePredictor predictor = narrow_predictor(0, said);
  try {
    predictor.logits(random_pixels({32, 32}, 1));
    FAIL() << "nothing fits";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

TEST(PlanePredictor, AStopRequestEndsAPlaneAfterTheGrace) {
  core::Context context = core::silent_context();
  std::stop_source stop;
  context.stop = stop.get_token();
  PlanePredictor predictor = pattern_predictor(3, {.batch = 1});
  predictor.set_hooks(predictor_hooks(context, 0, "go on"));
  const at::Tensor pixels_YX = random_pixels({70, 100}, 1);
  EXPECT_NO_THROW(predictor.logits(pixels_YX));
  stop.request_stop();
  try {
    predictor.logits(pixels_YX);
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  predictor.set_hooks(predictor_hooks(context, 1000, "go on"));
  EXPECT_NO_THROW(predictor.logits(pixels_YX));
}

TEST(PlanePredictor, AnyCutOfAPlaneHasTheSameVoxels) {
  for (const WindowOptions& options : {published_windows(), WindowOptions{.batch = 3},
                                       WindowOptions{.overlap = 0.4, .batch = 5}}) {
    PlanePredictor predictor = pattern_predictor(2, options);
    const at::Tensor pixels_PYX = random_pixels({4, 90, 70}, 2);
    const PlaneSeries series = predictor.series(4, 90, 70);
    std::vector<at::Tensor> whole;
    predictor.predict_block(series, {{0, 4}, {{0, 90}, {0, 70}}}, pixels_PYX,
                            [&](std::int64_t, const at::Tensor& p) { whole.push_back(p); });
    ASSERT_EQ(whole.size(), 4U);
    const PlaneBlock part{{1, 3}, {{11, 57}, {40, 70}}};
    const Region read = pixels_needed(series.plan, part.region);
    predictor.predict_block(
        series, part,
        pixels_PYX.narrow(0, 1, 2)
            .narrow(1, read.y.begin, read.y.size())
            .narrow(2, read.x.begin, read.x.size()),
        [&](std::int64_t plane, const at::Tensor& logits_KYX) {
          EXPECT_TRUE(at::equal(
              logits_KYX,
              whole[static_cast<std::size_t>(plane)].narrow(1, 11, 46).narrow(2, 40, 30)));
        });
  }
}

TEST(PlanePredictor, PlanesOfASeriesEqualSinglePlanes) {
  PlanePredictor predictor = pattern_predictor(1, {.batch = 4});
  const at::Tensor pixels_PYX = random_pixels({3, 50, 60}, 3);
  predictor.predict_block(
      predictor.series(3, 50, 60), {{0, 3}, {{0, 50}, {0, 60}}}, pixels_PYX,
      [&](std::int64_t plane, const at::Tensor& logits_KYX) {
        EXPECT_LT((logits_KYX - predictor.logits(pixels_PYX[plane])).abs().max().item<float>(),
                  1e-6F);
      });
}

TEST(PlanePredictor, CountsTheSlotsOfItsBatches) {
  PlanePredictor predictor = pattern_predictor(1, {.overlap = 0, .batch = 4});
  predictor.logits(random_pixels({64, 96}, 4));
  EXPECT_EQ(predictor.windows_computed(), 8);  // 2 x 3 windows in two batches of 4
  EXPECT_EQ(predictor.series(1, 64, 96).windows_needed(), 6);
}

TEST(PlanePredictor, ReflectsPlanesSmallerThanTheWindow) {
  PlanePredictor predictor = pattern_predictor(1, WindowOptions{});
  const at::Tensor small_YX = random_pixels({31, 20}, 5);
  const at::Tensor mirrored_YX =
      at::cat({small_YX.narrow(1, 1, 6).flip(1), small_YX, small_YX.narrow(1, 13, 6).flip(1)}, 1);
  const at::Tensor full_YX = at::cat({mirrored_YX, mirrored_YX.narrow(0, 29, 1)}, 0);
  ASSERT_EQ(full_YX.sizes(), (std::vector<std::int64_t>{32, 32}));
  const at::Tensor expected_KYX = predictor.logits(full_YX).narrow(1, 0, 31).narrow(2, 6, 20);
  EXPECT_TRUE(at::equal(predictor.logits(small_YX), expected_KYX));
}

TEST(PlanePredictor, ASinglePixelIsEnough) {
  for (const Padding padding : {Padding::reflect, Padding::zero}) {
    PlanePredictor predictor = pattern_predictor(2, {.padding = padding});
    EXPECT_EQ(predictor.labels(random_pixels({1, 1}, 6)).sizes(),
              (std::vector<std::int64_t>{1, 1}));
  }
}

TEST(PlanePredictor, OneChannelIsDecidedByTheThreshold) {
  const at::Tensor p_KYX = torch::tensor({0.2F, 0.5F, 0.51F, 0.9F}).view({1, 2, 2});
  EXPECT_TRUE(at::equal(decide(p_KYX, 0.5), torch::tensor({0, 0, 1, 1}, at::kByte).view({2, 2})));
}

TEST(PlanePredictor, ManyChannelsAreDecidedByTheLargest) {
  const at::Tensor p_KYX = torch::tensor({0.2F, 0.5F, 0.3F, 0.5F, 0.5F, 0.0F}).view({3, 1, 2});
  EXPECT_TRUE(at::equal(decide(p_KYX, 0.5), torch::tensor({2, 0}, at::kByte).view({1, 2})));
}

std::vector<double> overlaps_of(const tensor::NamedTensors& file) {
  const std::string prefix = "logits_overlap";
  std::vector<double> overlaps;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(prefix)) {
      overlaps.push_back(std::stod(name.substr(prefix.size())));
    }
  }
  return overlaps;
}

std::string overlap_name(double overlap) {
  return fmt::format("overlap{:.1f}", overlap);
}

/// A decision that rests on more than the tolerance of two logits is beyond doubt.
void expect_decided(const at::Tensor& logits_KYX, const at::Tensor& labels_YX) {
  const at::Tensor top_KYX = std::get<0>(logits_KYX.sort(0, /*descending=*/true));
  const at::Tensor margin_YX =
      logits_KYX.size(0) == 1 ? logits_KYX[0].abs() : top_KYX[0] - top_KYX[1];
  const at::Tensor wrong_YX =
      decide(activate(logits_KYX), 0.5).ne(labels_YX).logical_and(margin_YX > 2 * 3e-4);
  EXPECT_EQ(wrong_YX.sum().item<std::int64_t>(), 0);
}

void compare_2d(const std::filesystem::path& fixtures, const std::string& name, const Json& facts) {
  const auto folder = fixtures / "inference2d";
  const auto file = tensor::read_safetensors(folder / (name + ".safetensors"));
  EXPECT_EQ(facts.at("image_shape"), Json(file.at("image").sizes().vec())) << name;
  for (const double overlap : overlaps_of(file)) {
    WindowOptions options = published_windows();
    options.overlap = overlap;
    PlanePredictor predictor = parity_predictor(
        fixtures, folder / (name + "_weights_override.safetensors"), facts, options);
    const at::Tensor logits_KYX = predictor.logits(file.at("image"));
    const at::Tensor labels_YX = decide(activate(logits_KYX), 0.5);
    const double worst =
        (logits_KYX - file.at("logits_" + overlap_name(overlap))).abs().max().item<double>();
    const double differing = labels_YX.ne(file.at("prediction_" + overlap_name(overlap)))
                                 .to(at::kDouble)
                                 .mean()
                                 .item<double>();
    SCOPED_TRACE(name + ' ' + overlap_name(overlap));
    expect_decided(file.at("logits_" + overlap_name(overlap)),
                   file.at("prediction_" + overlap_name(overlap)));
    if (const auto key = "foreground_fraction_" + overlap_name(overlap); facts.contains(key)) {
      expect_class_shares(file.at("prediction_" + overlap_name(overlap)), facts.at(key));
    }
    EXPECT_LE(worst, 3e-4) << name << " overlap " << overlap;
    EXPECT_LE(differing, 1e-4) << name << " overlap " << overlap;
    ::testing::Test::RecordProperty(name + "_" + overlap_name(overlap) + "_max_abs",
                                    std::to_string(worst));
  }
}

TEST(InferenceParity, inference2d) {
  const auto fixtures = testing::parity_root() / "retina";
  RETINA_SKIP_WITHOUT(fixtures / "inference2d" / "expected.json");
  const Json expected = core::read_json(fixtures / "inference2d" / "expected.json");
  for (const auto& [name, facts] : expected.at("cases").items()) {
    compare_2d(fixtures, name, facts);
  }
}

/// The stated differences of the script's float32 results to the authors' float64 run, which ours
/// is but for its own rounding.
void compare_2d_float64(const std::filesystem::path& fixtures, const std::string& name,
                        const Json& facts) {
  const auto folder = fixtures / "inference2d";
  const auto file = tensor::read_safetensors(folder / (name + ".safetensors"));
  const auto network = parity_network(fixtures, folder / (name + "_weights_override.safetensors"),
                                      facts.at("n_classes").get<int>(), kPublishedWindow);
  network->to(at::kDouble);
  const at::NoGradGuard no_grad;
  for (const double overlap : overlaps_of(file)) {
    if (!facts.contains("script_image_ious_" + overlap_name(overlap))) {
      continue;  // the script itself knows one overlap
    }
    WindowOptions options = published_windows();
    options.overlap = overlap;
    const at::Tensor exact_KYX =
        restated_logits(*network, parity_preprocess(facts), file.at("image"), options, at::kDouble);
    const at::Tensor difference = file.at("logits_" + overlap_name(overlap)) - exact_KYX;
    const auto stated = facts.at("float32_versus_float64_max_abs").get<double>();
    EXPECT_NEAR(difference.abs().max().item<double>(), stated, 1e-3 * stated) << name;
    const at::Tensor other =
        decide(activate(exact_KYX), 0.5).ne(file.at("prediction_" + overlap_name(overlap)));
    EXPECT_EQ(other.sum().item<int>(), facts.at("pixels_differing_from_float64_decision")) << name;
  }
}

TEST(InferenceParity, inference2d_float64) {
  const auto fixtures = testing::parity_root() / "retina";
  RETINA_SKIP_WITHOUT(fixtures / "inference2d" / "expected.json");
  const Json expected = core::read_json(fixtures / "inference2d" / "expected.json");
  for (const auto& [name, facts] : expected.at("cases").items()) {
    compare_2d_float64(fixtures, name, facts);
  }
}

TEST(InferenceParity, inference2d_window_starts) {
  const auto folder = testing::parity_root() / "retina" / "inference2d";
  RETINA_SKIP_WITHOUT(folder / "expected.json");
  const Json expected = core::read_json(folder / "expected.json");
  const std::string prefix = "window_starts_overlap";
  for (const auto& [name, facts] : expected.at("cases").items()) {
    for (const auto& [key, starts] : facts.items()) {
      if (key.starts_with(prefix)) {
        WindowOptions options = published_windows();
        options.overlap = std::stod(key.substr(prefix.size()));
        const PlanePlan plan = plan_plane(facts.at("image_shape")[0].get<int>(),
                                          facts.at("image_shape")[1].get<int>(), 224, options);
        EXPECT_EQ(plan.y.starts, starts[0].get<std::vector<std::int64_t>>()) << name;
        EXPECT_EQ(plan.x.starts, starts[1].get<std::vector<std::int64_t>>()) << name;
      }
    }
  }
}

}  // namespace
}  // namespace retina::engine
