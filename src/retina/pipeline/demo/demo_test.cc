#include "retina/pipeline/demo/demo.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(Demo, PhantomOnlyWritesImageAndTruth) {
  const testing::TempFolder folder;
  const std::string path = folder / "p.zarr";
  demo({.output = path, .phantom_only = true, .shape = {8, 70, 60}, .voxel_size_nm = {8, 8, 8}},
       core::silent_context());
  EXPECT_EQ(store::open(path)->shape(), (core::Vec3{8, 70, 60}));
  EXPECT_EQ(store::open(path + "/labels/semantic")->shape(), (core::Vec3{8, 70, 60}));
  EXPECT_EQ(store::open(path + "/labels/instances")->shape(), (core::Vec3{8, 70, 60}));
}

TEST(Demo, PhantomOnlyIsAnOmeZarrWhateverItsName) {
  const testing::TempFolder folder;
  const DemoReport report = demo(
      {.output = folder / "p", .phantom_only = true, .shape = {8, 70, 60}}, core::silent_context());
  EXPECT_EQ(report.image, (folder / "p.zarr").string());
  EXPECT_EQ(store::open(report.truth)->shape(), (core::Vec3{8, 70, 60}));
}

TEST(Demo, AFolderInTheWayNeedsOverwrite) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "demo/precious");
  EXPECT_THROW(demo({.output = folder / "demo"}, core::silent_context()), Error);
  EXPECT_TRUE(std::filesystem::exists(folder / "demo/precious"));
}

TEST(Demo, RemovesNothingButItsOwnSlices) {
  const testing::TempFolder folder;
  const std::filesystem::path foreign = folder / "demo/train/images/liver.png";
  std::filesystem::create_directories(foreign.parent_path());
  core::write_atomically(foreign, "of a user");
  EXPECT_THROW(demo({.output = folder / "demo", .shape = {8, 32, 32}, .overwrite = true},
                    core::silent_context()),
               Error);
  EXPECT_TRUE(std::filesystem::exists(foreign));
}

// The real thing, shortened: another seed, fewer steps, a smaller volume.
TEST(DemoE2e, LearnsMitochondriaAndShowsThem) {
  const testing::TempFolder folder;
  const std::filesystem::path earlier = folder / "demo/train/images/99.png";
  std::filesystem::create_directories(earlier.parent_path());
  core::write_atomically(earlier, "of an earlier demonstration");
  const DemoReport report = demo({.output = folder / "demo",
                                  .seed = 7,
                                  .shape = {48, 192, 192},
                                  .voxel_size_nm = {8, 8, 8},
                                  .steps = 100,
                                  .overwrite = true},
                                 core::silent_context());
  EXPECT_FALSE(std::filesystem::exists(earlier));
  EXPECT_GT(report.iou, 0.4);
  EXPECT_LT(report.threshold_iou, 0.35);
  EXPECT_TRUE(std::filesystem::exists(report.report));
  EXPECT_EQ(store::open(report.prediction)->shape(), store::open(report.truth)->shape());
  const Json json = to_json(report);
  for (const char* key :
       {"iou", "seconds", "report", "image", "prediction", "truth", "mitochondria_id"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
}

}  // namespace
}  // namespace retina::pipeline
