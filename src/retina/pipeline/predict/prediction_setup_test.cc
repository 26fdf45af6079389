#include "retina/pipeline/predict/prediction_setup.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(PredictionSetup, SiblingsKeepTheExtension) {
  EXPECT_EQ(sibling_path("a/out.zarr", "probabilities"), "a/out_probabilities.zarr");
  EXPECT_EQ(sibling_path("out/", "overlay"), "out_overlay");
}

TEST(PredictionSetup, SiblingsOfADatasetLieInItsContainer) {
  EXPECT_EQ(sibling_path("a/x.h5:/seg", "probabilities"), "a/x.h5:/seg_probabilities");
  EXPECT_EQ(sibling_path("a/x.h5:seg.v2", "instances"), "a/x.h5:/seg.v2_instances");
  EXPECT_EQ(sibling_path("x.zarr/labels/mito", "instances"), "x.zarr/labels/mito_instances");
  EXPECT_EQ(sibling_path("x.zarr:/labels/mito", "instances"), "x.zarr/labels/mito_instances");
}

TEST(PredictionSetup, OutsideIsBesideTheContainer) {
  EXPECT_EQ(outside_path("a/out.zarr", "overlay"), "a/out_overlay");
  EXPECT_EQ(outside_path("a/x.h5:/seg", "raw"), "a/x.h5.seg_raw");
  EXPECT_EQ(outside_path("a/x.zarr/labels/mito", "overlay"), "a/x.zarr.labels.mito_overlay");
}

TEST(PredictionSetup, PublishedWindowsAreTheScripts) {
  PredictOptions options;
  options.procedure = Procedure::published;
  const engine::WindowOptions windows = window_options(options);
  EXPECT_EQ(windows.overlap, 0.7);
  EXPECT_EQ(windows.blend, engine::Blend::constant);
  EXPECT_EQ(windows.padding, engine::Padding::zero);
}

TEST(PredictionSetup, TheUserMayChangeSingleWindowOptions) {
  PredictOptions options;
  options.overlap = 0.3;
  options.window = 448;
  const engine::WindowOptions windows = window_options(options);
  EXPECT_EQ(windows.overlap, 0.3);
  EXPECT_EQ(windows.window, 448);
  EXPECT_EQ(windows.blend, engine::Blend::gaussian);
}

TEST(PredictionSetup, TheResumeKeyFollowsWhatChangesVoxels) {
  PredictionSetup setup;
  const Json what = {{"input", "a.tif"}};
  const std::string key = resume_key(setup, what);
  EXPECT_EQ(resume_key(setup, what), key);
  EXPECT_NE(resume_key(setup, {{"input", "b.tif"}}), key);
  setup.threshold = 0.4;
  EXPECT_NE(resume_key(setup, what), key);
}

}  // namespace
}  // namespace retina::pipeline
