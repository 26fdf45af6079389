#include "retina/engine/volume_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/engine/pattern_network_for_test.h"

namespace retina::engine {
namespace {

core::VolumeInfo info_of(const core::Vec3& shape) {
  core::VolumeInfo info;
  info.shape = shape;
  return info;
}

TEST(VolumePlan, CountsWindowsOfAStack) {
  const PlanePredictor predictor = pattern_predictor(1, {.overlap = 0, .batch = 4});
  const VolumePlan plan = plan_volume(info_of({10, 64, 96}), predictor,
                                      {.mode = AxesMode::stack, .max_bytes = 1 << 30});
  EXPECT_EQ(plan.windows_needed, 60);
  EXPECT_EQ(plan.windows, 60);
  EXPECT_EQ(plan.bytes_read, 10 * 64 * 96);
  EXPECT_EQ(plan.bytes_written, 10 * 64 * 96);
  EXPECT_FALSE(plan.sums_on_disk);
}

TEST(VolumePlan, OrthoplaneEndsWithTheAxisOfFiles) {
  const PlanePredictor predictor = pattern_predictor(1, WindowOptions{});
  const VolumePlan plan = plan_volume(info_of({40, 50, 60}), predictor,
                                      {.mode = AxesMode::orthoplane, .max_bytes = 1 << 30});
  ASSERT_EQ(plan.passes.size(), 3U);
  EXPECT_EQ(plan.passes[0].axis, 2);
  EXPECT_EQ(plan.passes[0].series.planes, 60);
  EXPECT_EQ(plan.passes[2].axis, 0);
}

TEST(VolumePlan, LittleMemoryMovesTheSumsToDiskAndIsKept) {
  const PlanePredictor predictor = pattern_predictor(2, WindowOptions{});
  const std::int64_t max_bytes = 500'000;
  const VolumePlan plan = plan_volume(info_of({60, 80, 100}), predictor,
                                      {.mode = AxesMode::orthoplane, .max_bytes = max_bytes});
  EXPECT_TRUE(plan.sums_on_disk);
  EXPECT_GT(plan.scratch_bytes, 2 * 2 * 60 * 80 * 100 - 1);
  EXPECT_LE(plan.peak_bytes, max_bytes);
  EXPECT_GE(plan.windows, plan.windows_needed);
}

TEST(VolumePlan, APlaneLargerThanMemoryIsCutIntoBands) {
  const PlanePredictor predictor = pattern_predictor(1, WindowOptions{});
  const VolumePlan plan = plan_volume(info_of({1, 4000, 300}), predictor,
                                      {.mode = AxesMode::plane, .max_bytes = 5'000'000});
  ASSERT_GT(plan.passes[0].blocks.size(), 3U);
  EXPECT_EQ(plan.passes[0].blocks[0].write.shape[2], 300);
  EXPECT_LT(plan.windows, 2 * plan.windows_needed);
}

TEST(VolumePlan, TooLittleMemoryIsAResourceError) {
  const PlanePredictor predictor = pattern_predictor(1, WindowOptions{});
  EXPECT_THROW(plan_volume(info_of({60, 80, 100}), predictor,
                           {.mode = AxesMode::stack, .unit = {60, 80, 100}, .max_bytes = 1000}),
               Error);
}

TEST(VolumePlan, SizesAre64Bit) {
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 30;
  const PlanePredictor predictor(std::make_shared<PatternNetwork>(1, 512),
                                 {.range = {}, .mean = 0.5, .std = 0.25}, WindowOptions{}, at::kCPU,
                                 at::kFloat);
  const VolumePlan stack =
      plan_volume(info_of({3000, 4000, 2500}), predictor,
                  {.mode = AxesMode::stack, .unit = {64, 512, 512}, .max_bytes = kMaxBytes});
  std::int64_t voxels = 0;
  for (const VolumeBlock& block : stack.passes[0].blocks) {
    voxels += block.write.voxels();
  }
  EXPECT_EQ(voxels, 30'000'000'000);
  EXPECT_EQ(stack.bytes_written, 30'000'000'000);
  EXPECT_GE(stack.bytes_read, 30'000'000'000);
  EXPECT_LE(stack.peak_bytes, kMaxBytes);
  const VolumePlan orthoplane =
      plan_volume(info_of({3000, 4000, 2500}), predictor,
                  {.mode = AxesMode::orthoplane, .unit = {64, 512, 512}, .max_bytes = kMaxBytes});
  EXPECT_TRUE(orthoplane.sums_on_disk);
  EXPECT_GT(orthoplane.scratch_bytes, 30'000'000'000);
  EXPECT_LE(orthoplane.peak_bytes, kMaxBytes);
}

TEST(VolumePlan, ExtremeShapesAreCoveredOnce) {
  const PlanePredictor predictor = pattern_predictor(1, WindowOptions{});
  for (const core::Vec3& shape :
       {core::Vec3{1, 1, 1}, core::Vec3{1, 53, 47}, core::Vec3{1, 200'000, 300}}) {
    const VolumePlan plan = plan_volume(
        info_of(shape), predictor, {.mode = AxesMode::plane, .max_bytes = std::int64_t{1} << 26});
    std::int64_t voxels = 0;
    for (const VolumeBlock& block : plan.passes.at(0).blocks) {
      voxels += block.write.voxels();
    }
    EXPECT_EQ(voxels, core::whole(shape).voxels()) << core::to_string(shape);
    EXPECT_LE(plan.peak_bytes, std::int64_t{1} << 26);
  }
}

}  // namespace
}  // namespace retina::engine
