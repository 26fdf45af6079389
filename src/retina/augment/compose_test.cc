#include "retina/augment/compose.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace retina::augment {
namespace {

constexpr std::int64_t kSide = 90;

/// Smooth noise, so that neighbouring grey values are alike as in EM.
at::Tensor smooth_plane(std::int64_t side) {
  const at::Tensor t = at::arange(side, at::kFloat);
  const at::Tensor wave =
      (t / 7).sin().unsqueeze(1) * (t / 5).cos().unsqueeze(0) + (t / 23).sin().unsqueeze(0);
  return (127 + 60 * wave).to(at::kByte).contiguous();
}

Sample draw_sample(const Recipe& recipe, std::uint64_t seed) {
  const at::Tensor plane = smooth_plane(kSide);
  Sample s;
  s.geometry = draw_geometry(recipe, seed, {1, kSide, kSide}, core::Vec3{0, 40, 40});
  s.photometry = draw_photometry(recipe, seed);
  const core::Box3& box = s.geometry.box;
  s.image_YX = plane.narrow(0, box.start[1], box.shape[1])
                   .narrow(1, box.start[2], box.shape[2])
                   .contiguous();
  s.labels_YX = (s.image_YX > 127).to(at::kByte);
  return s;
}

std::vector<Sample> draw_samples(const Recipe& recipe, std::uint64_t count) {
  std::vector<Sample> samples;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    samples.push_back(draw_sample(recipe, seed));
  }
  return samples;
}

Recipe everything() {
  Recipe recipe;
  recipe.size = 64;
  recipe.noise_probability = recipe.blur_probability = 0.5;
  recipe.quarter_turn_probability = 0.3;
  return recipe;
}

const Normalisation kNormalisation{.mean = 0.5, .std = 0.2};

TEST(Compose, FusedKernelEqualsTensorPath) {
  for (const Beyond beyond : {Beyond::crop, Beyond::image}) {
    Recipe recipe = everything();
    recipe.beyond = beyond;
    const auto samples = draw_samples(recipe, 40);
    const AugmentedBatch a = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::fused_cpu);
    const AugmentedBatch b = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::tensors);
    EXPECT_TRUE(a.images_NCYX.equal(b.images_NCYX)) << (a.images_NCYX - b.images_NCYX).abs().max();
    EXPECT_TRUE(a.labels_NYX.equal(b.labels_NYX));
  }
}

/// Pre-training on patches smaller and larger than the output.
Recipe small_restoration() {
  Recipe recipe = restoration_recipe();
  recipe.size = 64;
  recipe.patch = 80;
  recipe.dropout_side = 8;
  return recipe;
}

TEST(Compose, RestorationBatchesAreTheSameOnBothPaths) {
  const Recipe recipe = small_restoration();
  const auto samples = draw_samples(recipe, 40);
  const AugmentedBatch a = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::fused_cpu,
                                      Wanted::images_and_clean);
  const AugmentedBatch b = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::tensors,
                                      Wanted::images_and_clean);
  EXPECT_TRUE(a.images_NCYX.equal(b.images_NCYX));
  EXPECT_TRUE(a.clean_NCYX.equal(b.clean_NCYX));
  EXPECT_FALSE(make_batch(samples, recipe, kNormalisation, at::kCPU).clean_NCYX.defined());
}

TEST(Compose, TheTargetIsTheGeometryAlone) {
  Recipe recipe = small_restoration();
  const auto degraded = draw_samples(recipe, 30);
  std::vector<Sample> plain = degraded;
  int untouched = 0;
  for (Sample& sample : plain) {
    const Photometry& p = sample.photometry;
    untouched += p.contrast == 1 && p.noise_sigma == 0 && p.blur_side == 1 && p.holes.empty();
    sample.photometry = {};
  }
  for (const Application application : {Application::composed, Application::published}) {
    recipe.application = application;
    const AugmentedBatch batch = make_batch(degraded, recipe, kNormalisation, at::kCPU,
                                            Path::automatic, Wanted::images_and_clean);
    const AugmentedBatch expected = make_batch(plain, recipe, kNormalisation, at::kCPU);
    EXPECT_TRUE(batch.clean_NCYX.equal(expected.images_NCYX));
    int equal = 0;
    for (std::int64_t i = 0; i < 30; ++i) {
      equal += batch.images_NCYX[i].equal(batch.clean_NCYX[i]) ? 1 : 0;
    }
    EXPECT_EQ(equal, untouched);
  }
}

TEST(Compose, RotationFirstShowsTheSceneOfThePublishedChain) {
  Recipe recipe = small_restoration();
  recipe.noise_probability = recipe.brightness_contrast_probability = recipe.blur_probability =
      recipe.dropout_probability = 0;
  for (const int patch : {50, 80}) {  // smaller patches are enlarged, without padding
    recipe.patch = patch;
    const auto samples = draw_samples(recipe, 40);
    recipe.application = Application::composed;
    const AugmentedBatch ours = make_batch(samples, recipe, kNormalisation, at::kCPU);
    recipe.application = Application::published;
    const AugmentedBatch theirs = make_batch(samples, recipe, kNormalisation, at::kCPU);
    const at::Tensor levels = (ours.images_NCYX - theirs.images_NCYX).abs() * 0.2 * 255;
    // beyond the crop's edge the published resize repeats it, and ours sees what lies there
    EXPECT_LT(levels.max().item<double>(), 14) << patch;
    EXPECT_LT(levels.mean().item<double>(), 0.7) << patch;
  }
}

/// The whole plane as the patch, turned by `angle`; `crop` is of the turned patch.
Sample turned(const at::Tensor& plane, const Crop& crop, double angle, const Recipe& recipe) {
  Sample s;
  s.image_YX = plane.contiguous();
  s.labels_YX = (s.image_YX > 127).to(at::kByte);
  Geometry& g = s.geometry;
  g.plane_shape = {1, plane.size(0), plane.size(1)};
  g.patch = {.y = 0, .x = 0, .height = plane.size(0), .width = plane.size(1)};
  g.crop = crop;
  g.angle = angle;
  compose(g, recipe);
  return s;
}

/// The far ends of turned strips of 30 x 224, whose coordinates need two reflections and more.
std::vector<Sample> ends_of_strips(const Recipe& recipe) {
  const at::Tensor strip = smooth_plane(224).narrow(0, 0, 30);
  const Crop whole{.y = 0, .x = 0, .height = 30, .width = 30};
  std::vector<Sample> samples{turned(smooth_plane(30), whole, 30, recipe)};
  for (const double angle : {90.0, 75.0, -60.0}) {
    Crop right = whole;
    right.x = 224 - 30;
    Crop bottom = whole;
    bottom.y = 224 - 30;
    samples.push_back(turned(strip, right, angle, recipe));
    samples.push_back(turned(strip.t(), bottom, angle, recipe));
  }
  return samples;
}

TEST(Compose, LongPatchesReflectAsOftenAsInThePublishedChain) {
  Recipe recipe = restoration_recipe();
  recipe.size = 30;  // that of the crops, so that the published chain resamples once too
  const auto samples = ends_of_strips(recipe);
  recipe.application = Application::published;
  const AugmentedBatch theirs = make_batch(samples, recipe, kNormalisation, at::kCPU);
  recipe.application = Application::composed;
  for (const Path path : {Path::fused_cpu, Path::tensors}) {
    const AugmentedBatch ours = make_batch(samples, recipe, kNormalisation, at::kCPU, path);
    // one grey level: the published coordinates are on a grid of 1/32 pixel
    const at::Tensor levels = (ours.images_NCYX - theirs.images_NCYX).abs() * 0.2 * 255;
    EXPECT_LT(levels.max().item<double>(), 1.5);
    EXPECT_GT((ours.labels_NYX == theirs.labels_NYX).to(at::kFloat).mean().item<double>(), 0.97);
  }
}

TEST(Compose, LinesOfOnePixelAreTheSameOnBothPaths) {
  Recipe recipe = restoration_recipe();
  recipe.size = 64;
  const at::Tensor line = (at::arange(40) * 37).remainder(251).to(at::kByte).unsqueeze(0);
  std::vector<Sample> samples;
  for (const at::Tensor& plane : {line, line.t(), line.narrow(1, 7, 1)}) {
    const Crop whole{.y = 0, .x = 0, .height = plane.size(0), .width = plane.size(1)};
    samples.push_back(turned(plane, whole, 5, recipe));
  }
  const AugmentedBatch a = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::fused_cpu);
  const AugmentedBatch b = make_batch(samples, recipe, kNormalisation, at::kCPU, Path::tensors);
  EXPECT_TRUE(a.images_NCYX.equal(b.images_NCYX));
  EXPECT_TRUE(a.labels_NYX.equal(b.labels_NYX));
  // of the single pixel nothing but itself
  EXPECT_TRUE((a.images_NCYX[2] == a.images_NCYX[2].max()).all().item<bool>());
}

TEST(Compose, SampleDoesNotDependOnItsBatchOrThreads) {
  const Recipe recipe = everything();
  const auto samples = draw_samples(recipe, 6);
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  const AugmentedBatch together = make_batch(samples, recipe, kNormalisation, at::kCPU);
  at::set_num_threads(1);
  for (std::int64_t i = 0; i < 6; ++i) {
    const AugmentedBatch alone =
        make_batch({samples[static_cast<std::size_t>(i)]}, recipe, kNormalisation, at::kCPU);
    EXPECT_TRUE(alone.images_NCYX[0].equal(together.images_NCYX[i]));
    EXPECT_TRUE(alone.labels_NYX[0].equal(together.labels_NYX[i]));
  }
  at::set_num_threads(threads);
}

TEST(Compose, PublishedChainAndOneResampleShowTheSameScene) {
  Recipe recipe = everything();
  recipe.noise_probability = recipe.brightness_contrast_probability = 0;
  recipe.quarter_turn_probability = 0;
  const auto samples = draw_samples(recipe, 40);
  const AugmentedBatch ours = make_batch(samples, recipe, kNormalisation, at::kCPU);
  recipe.application = Application::published;
  const AugmentedBatch theirs = make_batch(samples, recipe, kNormalisation, at::kCPU);
  // grey levels; the published chain rounds twice and its coordinates are on a grid of 1/32 pixel
  EXPECT_LT((ours.images_NCYX - theirs.images_NCYX).abs().max().item<double>() * 0.2 * 255, 8);
  EXPECT_LT((ours.images_NCYX - theirs.images_NCYX).abs().mean().item<double>() * 0.2 * 255, 0.6);
  EXPECT_GT((ours.labels_NYX == theirs.labels_NYX).to(at::kFloat).mean().item<double>(), 0.97);
}

TEST(Compose, LabelsStayOnTheirPixels) {
  Recipe recipe = everything();
  recipe.noise_probability = recipe.blur_probability = recipe.brightness_contrast_probability = 0;
  const AugmentedBatch batch =
      make_batch(draw_samples(recipe, 20), recipe, {.mean = 0, .std = 1.0 / 255}, at::kCPU);
  const at::Tensor grey = batch.images_NCYX.select(1, 0);
  // nearest is at most half a pixel off in each direction, over which the plane changes by less
  // than 12 grey levels
  const at::Tensor clear = (grey - 127.5).abs() > 12;
  const at::Tensor agree = (grey > 127.5) == (batch.labels_NYX == 1);
  EXPECT_GT(clear.to(at::kFloat).mean().item<double>(), 0.5);
  EXPECT_TRUE(agree.masked_select(clear).all().item<bool>());
}

TEST(Compose, UnlabelledSamplesGiveNoLabels) {
  const Recipe recipe = everything();
  auto samples = draw_samples(recipe, 2);
  for (Sample& s : samples) {
    s.labels_YX = at::Tensor();
  }
  for (const Path path : {Path::fused_cpu, Path::tensors}) {
    const AugmentedBatch batch = make_batch(samples, recipe, kNormalisation, at::kCPU, path);
    EXPECT_EQ(batch.images_NCYX.sizes(), (std::vector<std::int64_t>{2, 1, 64, 64}));
    EXPECT_FALSE(batch.labels_NYX.defined());
  }
}

TEST(ComposeGpu, DeviceGivesTheSameBatch) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  for (const Application application : {Application::composed, Application::published}) {
    Recipe recipe = everything();
    recipe.application = application;
    const auto samples = draw_samples(recipe, 40);
    const AugmentedBatch cpu = make_batch(samples, recipe, kNormalisation, at::kCPU);
    const AugmentedBatch gpu = make_batch(samples, recipe, kNormalisation, at::kCUDA);
    // one grey level of 255 after the division by the standard deviation, where rounding differs
    EXPECT_LE((cpu.images_NCYX - gpu.images_NCYX.cpu()).abs().max().item<double>(),
              1.01 / (0.2 * 255));
    EXPECT_GT((cpu.labels_NYX == gpu.labels_NYX.cpu()).to(at::kFloat).mean().item<double>(), 0.999);
  }
}

}  // namespace
}  // namespace retina::augment
