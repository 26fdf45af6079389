#include "retina/engine/volume_predictor.h"

#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/engine/parity_network_for_test.h"
#include "retina/engine/pattern_network_for_test.h"
#include "retina/tensor/convert.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::engine {
namespace {

std::unique_ptr<core::Volume> random_volume(const core::Vec3& shape, std::uint64_t seed) {
  core::Array array(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return core::in_memory(std::move(array));
}

struct Predicted {
  core::Array labels;
  core::Array probabilities;
  VolumePlan plan;
};

struct RunSetup {
  AxesMode mode = AxesMode::stack;
  int channels = 1;
  std::int64_t max_bytes = std::int64_t{1} << 30;
  core::Vec3 unit{1, 1, 1};
  VolumeOptions options = {};
};

Predicted run_volume(const core::Volume& input, PlanePredictor predictor, const RunSetup& setup) {
  Predicted result;
  result.plan = plan_volume(input.info(), predictor,
                            {.mode = setup.mode,
                             .probabilities = true,
                             .unit = setup.unit,
                             .max_bytes = setup.max_bytes});
  const auto labels = core::in_memory(core::Array(core::DType::u8, 1, input.shape()));
  const auto probabilities =
      core::in_memory(core::Array(core::DType::u8, predictor.channels(), input.shape()));
  predict_volume(input, predictor, result.plan, setup.mode,
                 {.labels = {labels.get()}, .probabilities = {probabilities.get()}}, setup.options,
                 core::silent_context());
  result.labels = labels->array();
  result.probabilities = probabilities->array();
  return result;
}

Predicted run_pattern(const core::Volume& input, const RunSetup& setup) {
  return run_volume(input, pattern_predictor(setup.channels, {.batch = 4}), setup);
}

class VolumePredictorModes : public ::testing::TestWithParam<AxesMode> {};

TEST_P(VolumePredictorModes, CuttingChangesNoVoxel) {
  const testing::TempFolder folder;
  const auto input = random_volume({37, 45, 70}, 7);
  RunSetup setup{.mode = GetParam(), .channels = 2};
  setup.options.scratch = folder / "scratch";
  const Predicted whole = run_pattern(*input, setup);
  ASSERT_EQ(whole.plan.passes.back().blocks.size(), 1U);
  std::set<std::size_t> cuts;
  for (const std::int64_t max_bytes : {260'000, 400'000, 900'000}) {
    setup.max_bytes = max_bytes;
    const Predicted cut = run_pattern(*input, setup);
    cuts.insert(cut.plan.passes.back().blocks.size());
    EXPECT_EQ(cut.labels, whole.labels) << max_bytes;
    EXPECT_EQ(cut.probabilities, whole.probabilities) << max_bytes;
  }
  EXPECT_GT(cuts.size(), 1U) << "the budgets should cut differently";
}

INSTANTIATE_TEST_SUITE_P(All, VolumePredictorModes,
                         ::testing::Values(AxesMode::plane, AxesMode::stack, AxesMode::orthoplane));

TEST(VolumePredictor, OrthoplaneIsTheSumOverThreeStacks) {
  const auto input = random_volume({20, 24, 28}, 8);
  const Predicted predicted = run_pattern(*input, {.mode = AxesMode::orthoplane, .channels = 3});
  PlanePredictor predictor = pattern_predictor(3, {.batch = 4});
  core::Array pixels = input->read(core::whole(input->shape()));
  const at::Tensor pixels_ZYX = tensor::view_CZYX(pixels)[0];
  at::Tensor sum_KZYX = at::zeros({3, 20, 24, 28}, at::kByte);
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int64_t i = 0; i < pixels_ZYX.size(axis); ++i) {
      const at::Tensor p_KYX = predictor.probabilities(pixels_ZYX.select(axis, i).contiguous());
      sum_KZYX.select(axis + 1, i).add_((p_KYX * 85.0).round().to(at::kByte));
    }
  }
  core::Array result = predicted.probabilities;
  const at::Tensor difference_KZYX = (tensor::view_CZYX(result).to(at::kInt) - sum_KZYX).abs();
  EXPECT_LE(difference_KZYX.max().item<int>(), 1);
  EXPECT_LT(difference_KZYX.to(at::kDouble).mean().item<double>(), 1e-4);
}

TEST(VolumePredictor, LabelsFollowFromTheProbabilities) {
  const auto input = random_volume({20, 40, 30}, 9);
  for (const AxesMode mode : {AxesMode::stack, AxesMode::orthoplane}) {
    const Predicted predicted = run_pattern(*input, {.mode = mode, .channels = 1});
    EXPECT_EQ(predicted.labels, decide_quantised(predicted.probabilities, 0.5));
  }
}

TEST(VolumePredictor, SixteenBitInputIsMappedByTheRange) {
  const auto bytes = random_volume({3, 40, 40}, 10);
  const core::Array as_bytes = bytes->read(core::whole(bytes->shape()));
  core::Array wide(core::DType::u16, 1, bytes->shape());
  std::transform(as_bytes.values<std::uint8_t>().begin(), as_bytes.values<std::uint8_t>().end(),
                 wide.values<std::uint16_t>().begin(),
                 [](std::uint8_t v) { return static_cast<std::uint16_t>(100 + 10 * v); });
  RunSetup setup;
  const Predicted of_bytes = run_pattern(*bytes, setup);
  setup.options.range = {100, 2650};
  EXPECT_EQ(run_pattern(*core::in_memory(std::move(wide)), setup).probabilities,
            of_bytes.probabilities);
}

/// A target that an interrupted run left half full.
class HalfWritten final : public core::Volume {
 public:
  explicit HalfWritten(const core::Vec3& shape)
      : Volume([&] {
          core::VolumeInfo info;
          info.shape = shape;
          return info;
        }()),
        values_(core::DType::u8, 1, shape) {}

  bool is_written(const core::Box3& box) const { return done_.contains(box.start[0]); }
  int writes() const { return writes_; }
  const core::Array& values() const { return values_; }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array part(core::DType::u8, 1, box.shape);
    core::copy_overlap(values_, {0, 0, 0}, part, box.start);
    return part;
  }
  void write_box(const core::Box3& box, const core::Array& values) override {
    core::copy_overlap(values, box.start, values_, {0, 0, 0});
    done_.insert(box.start[0]);
    ++writes_;
  }

 private:
  core::Array values_;
  std::set<std::int64_t> done_;
  int writes_ = 0;
};

TEST_P(VolumePredictorModes, AnInterruptedRunContinuesToTheSameVoxels) {
  const testing::TempFolder folder;
  const auto input = random_volume({37, 45, 70}, 11);
  RunSetup setup{.mode = GetParam(), .max_bytes = 140'000};
  setup.options.scratch = folder / "scratch";
  setup.options.resume_key = "plan 1";
  const Predicted expected = run_pattern(*input, setup);
  HalfWritten labels(input->shape());
  const VolumeTargets targets{
      .labels = {&labels, [&](const core::Box3& box) { return labels.is_written(box); }}};
  int interruptions = 0;
  std::int64_t windows_done = 0;
  for (int updates = 4; updates < 1000; updates += 4) {
    const core::Context ctx =
        testing::stopping_context([&, left = updates](const testing::Reported& reported) mutable {
          windows_done = reported.is_update() ? reported.done : windows_done;
          return reported.is_update() && --left == 0;
        });
    PlanePredictor predictor = pattern_predictor(1, {.batch = 4});
    try {
      predict_volume(*input, predictor, expected.plan, setup.mode, targets, setup.options, ctx);
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::interrupted);
      ++interruptions;
    }
  }
  EXPECT_GT(interruptions, 0);
  EXPECT_EQ(windows_done, expected.plan.windows);
  EXPECT_EQ(labels.values(), expected.labels);
  EXPECT_EQ(labels.writes(), std::ssize(expected.plan.passes.back().blocks));
}

TEST(VolumePredictor, QuantisesByTruncationOrToTheNearest) {
  const at::Tensor p_KYX = torch::tensor({0.5F, 0.999F, 1.F}).view({1, 1, 3});
  EXPECT_TRUE(at::equal(quantise(p_KYX, 255, Rounding::truncate).flatten(),
                        torch::tensor({127, 254, 255}, at::kByte)));
  EXPECT_TRUE(at::equal(quantise(p_KYX, 255, Rounding::nearest).flatten(),
                        torch::tensor({128, 255, 255}, at::kByte)));
}

TEST(VolumePredictor, EqualSumsGoToTheLowestClass) {
  core::Array sums(core::DType::u8, 3, {1, 1, 2});
  sums.at<std::uint8_t>(0, 0, 0, 0) = 100;
  sums.at<std::uint8_t>(1, 0, 0, 0) = 100;
  sums.at<std::uint8_t>(2, 0, 0, 1) = 1;
  const core::Array labels = decide_quantised(sums, 0.5);
  EXPECT_EQ(labels.at<std::uint8_t>(0, 0, 0, 0), 0);
  EXPECT_EQ(labels.at<std::uint8_t>(0, 0, 0, 1), 2);
}

double share_differing(core::Array& ours, const at::Tensor& theirs, int tolerance) {
  const at::Tensor difference =
      (tensor::view_CZYX(ours).to(at::kInt) - theirs.to(at::kInt)).abs().gt(tolerance);
  return difference.to(at::kDouble).mean().item<double>();
}

/// What the fixture says of its own numbers: how they are scaled, decided and distributed.
void expect_stated_sums(const tensor::NamedTensors& file, const std::string& key,
                        const Json& stated) {
  core::Array sums = tensor::to_array(file.at(key + ".uint8_sum"));
  const at::Tensor& saved = file.at(key + ".prediction_saved");
  core::Array decided = decide_quantised(sums, 0.5);
  EXPECT_TRUE(at::equal(tensor::view_CZYX(decided)[0], saved)) << key;
  expect_class_shares(saved, stated.at("class_fractions"));
  core::Array limits(core::DType::u8, 1, {1, 1, 2});
  const int limit = stated.at("threshold_uint8").get<int>();
  limits.at<std::uint8_t>(0, 0, 0, 0) = static_cast<std::uint8_t>(limit);
  limits.at<std::uint8_t>(0, 0, 0, 1) = static_cast<std::uint8_t>(limit + 1);
  const core::Array above = decide_quantised(limits, 0.5);
  EXPECT_EQ(above.at<std::uint8_t>(0, 0, 0, 0), 0) << key;
  EXPECT_EQ(above.at<std::uint8_t>(0, 0, 0, 1), 1) << key;
  const at::Tensor sums_KZYX = tensor::view_CZYX(sums);
  EXPECT_EQ(sums_KZYX.max().item<int>(), stated.at("uint8_sum_max")) << key;
  const at::Tensor of_classes_ZYX = sums_KZYX.sum(0, /*keepdim=*/false, at::kInt);
  EXPECT_EQ(of_classes_ZYX.min().item<int>(), stated.at("uint8_sum_of_classes_min_max")[0]) << key;
  EXPECT_EQ(of_classes_ZYX.max().item<int>(), stated.at("uint8_sum_of_classes_min_max")[1]) << key;
}

/// The passes that the procedure makes, and the share of 255 that each of them adds.
void expect_stated_passes(const VolumePlan& plan, const Json& stated) {
  std::set<int> axes;
  for (const VolumePass& pass : plan.passes) {
    axes.insert(pass.axis);
  }
  EXPECT_EQ(Json(axes), stated.at("axes"));
  EXPECT_DOUBLE_EQ(255.0 / static_cast<double>(plan.passes.size()),
                   stated.at("scaling").get<double>());
}

/// All modes copied the place of the one input; it is known from their results alone.
void expect_one_place(const Json& facts) {
  for (const char* what : {"saved_spacing_xyz", "saved_origin_xyz"}) {
    if (facts.contains("stack") && facts.contains("orthoplane")) {
      EXPECT_EQ(facts.at("stack").at(what), facts.at("orthoplane").at(what));
    }
  }
}

void compare_3d(const std::filesystem::path& fixtures, const std::string& name, const Json& facts) {
  const auto folder = fixtures / "inference3d";
  const auto file = tensor::read_safetensors(folder / (name + ".safetensors"));
  WindowOptions windows = published_windows();
  windows.overlap = facts.at("overlap").get<double>();
  const auto input = core::in_memory(tensor::to_array(file.at("volume")));
  EXPECT_EQ(facts.at("shape_zyx"), Json(file.at("volume").sizes().vec())) << name;
  expect_one_place(facts);
  for (const AxesMode mode : {AxesMode::stack, AxesMode::orthoplane}) {
    const std::string key = core::enum_name(mode);
    if (!facts.contains(key)) {
      continue;
    }
    RunSetup setup{.mode = mode};
    setup.options.rounding = Rounding::truncate;
    Predicted predicted =
        run_volume(*input,
                   parity_predictor(fixtures, folder / (name + "_weights_override.safetensors"),
                                    facts, windows),
                   setup);
    const int axes = static_cast<int>(facts.at(key).at("axes").size());
    const double off_by_more =
        share_differing(predicted.probabilities, file.at(key + ".uint8_sum"), axes);
    const double off = share_differing(predicted.probabilities, file.at(key + ".uint8_sum"), 0);
    const double labels =
        share_differing(predicted.labels, file.at(key + ".prediction_saved").unsqueeze(0), 0);
    EXPECT_EQ(off_by_more, 0) << name << ' ' << key;
    EXPECT_LE(off, 1e-3) << name << ' ' << key;
    EXPECT_LE(labels, 5e-4) << name << ' ' << key;
    expect_stated_passes(predicted.plan, facts.at(key));
    expect_stated_sums(file, key, facts.at(key));
    ::testing::Test::RecordProperty(name + "_" + key, fmt::format("{} {}", off, labels));
  }
}

TEST(InferenceParity, inference3d) {
  const auto fixtures = testing::parity_root() / "retina";
  RETINA_SKIP_WITHOUT(fixtures / "inference3d" / "expected.json");
  const Json expected = core::read_json(fixtures / "inference3d" / "expected.json");
  for (const auto& [name, facts] : expected.at("cases").items()) {
    compare_3d(fixtures, name, facts);
  }
}

void compare_slices(const std::filesystem::path& fixtures, const std::string& name,
                    const Json& facts) {
  const auto folder = fixtures / "inference3d";
  const auto file = tensor::read_safetensors(folder / (name + ".safetensors"));
  WindowOptions windows = published_windows();
  windows.overlap = facts.at("overlap").get<double>();
  PlanePredictor predictor =
      parity_predictor(fixtures, folder / (name + "_weights_override.safetensors"), facts, windows);
  for (const auto& [key, logits_KYX] : file.tensors) {
    int axis = 0;
    int slice = 0;
    if (std::sscanf(key.c_str(), "logits_axis%d_slice%d", &axis, &slice) == 2) {
      const at::Tensor pixels_YX = file.at("volume").select(axis, slice).contiguous();
      EXPECT_LE((predictor.logits(pixels_YX) - logits_KYX).abs().max().item<double>(), 3e-4)
          << name << ' ' << key;
    }
  }
}

TEST(InferenceParity, inference3d_slices) {
  const auto fixtures = testing::parity_root() / "retina";
  RETINA_SKIP_WITHOUT(fixtures / "inference3d" / "expected.json");
  const Json expected = core::read_json(fixtures / "inference3d" / "expected.json");
  for (const auto& [name, facts] : expected.at("cases").items()) {
    compare_slices(fixtures, name, facts);
  }
}

}  // namespace
}  // namespace retina::engine
