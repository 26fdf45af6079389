#include "retina/pipeline/open_dataset_resampling.h"

#include <filesystem>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/pipeline/open_dataset_test_data.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// A data set of one volume under `folder`, with voxels of `voxel_nm`.
void write_scaled_volume(const std::filesystem::path& folder, const core::Vec3& shape,
                         std::optional<core::Vec3d> voxel_nm) {
  std::filesystem::create_directories(folder);
  for (const char* name : {"images.zarr", "masks.zarr"}) {
    store::CreateOptions how;
    how.shape = shape;
    how.voxel_nm = voxel_nm;
    const auto volume = store::create((folder / name).string(), how);
    volume->write(core::whole(shape), filled(shape, name[0] == 'i' ? 77 : 1));
    volume->finish();
  }
}

/// Of the data sets that write_scaled_volume() wrote into folders of `root`.
data::DataOptions options_of_volumes(const std::filesystem::path& root) {
  data::DataOptions options;
  options.path = root.string();
  options.images = "images.zarr";
  options.masks = "masks.zarr";
  return options;
}

TEST(OpenDataset, ResamplesSeveralVolumesToOneSize) {
  const testing::TempFolder folder;
  write_scaled_volume(folder / "coarse", {4, 20, 30}, core::Vec3d{40, 10, 10});
  write_scaled_volume(folder / "fine", {4, 40, 60}, core::Vec3d{40, 4, 4});
  data::DataOptions options = options_of_volumes(folder.path());
  options.target_voxel_nm = {40, 8, 8};
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.volumes.size(), 2U);
  EXPECT_EQ(dataset.volumes[0].image->shape(), (core::Vec3{4, 25, 38}));
  EXPECT_EQ(dataset.volumes[1].image->shape(), (core::Vec3{4, 20, 30}));
  EXPECT_EQ(dataset.volumes[1].labels->shape(), (core::Vec3{4, 20, 30}));
  EXPECT_EQ(dataset.volumes[1].image->info().voxel_nm, (core::Vec3d{40, 8, 8}));
  const data::LabelledPlane plane = data::read_plane(dataset, {.volume = 0, .axis = 0, .index = 2});
  EXPECT_EQ(plane.image, filled({1, 25, 38}, 77));
  EXPECT_EQ(plane.labels, filled({1, 25, 38}, 1));
}

TEST(OpenDataset, ResamplingNeedsAVoxelSize) {
  const testing::TempFolder folder;
  write_scaled_volume(folder / "unknown", {4, 20, 30}, std::nullopt);
  data::DataOptions options = options_of_volumes(folder.path());
  options.target_voxel_nm = {40, 8, 8};
  EXPECT_EQ(try_open_dataset(options, 2, core::silent_context()).problems.size(), 1U);
  options.voxel_size_nm = {40, 4, 4};
  EXPECT_EQ(open_folder(options).volumes.front().image->shape(), (core::Vec3{4, 10, 15}));
  options.every = 2;
  options.target_voxel_nm = {20, 8, 8};
  EXPECT_EQ(try_open_dataset(options, 2, core::silent_context()).problems.size(), 1U);
}

TEST(OpenDataset, ResamplingByAnAbsurdFactorIsRefused) {
  const testing::TempFolder folder;
  write_scaled_volume(folder / "a", {4, 20, 30}, core::Vec3d{40, 4, 4});
  data::DataOptions options = options_of_volumes(folder.path());
  const std::vector<std::vector<double>> absurd{
      {0.04, 0.008, 0.008}, {40, 8000, 8000}, {2000, 4, 4}};
  for (const std::vector<double>& target : absurd) {
    options.target_voxel_nm = target;
    const auto problems = try_open_dataset(options, 2, core::silent_context()).problems;
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_THAT(to_string(problems.front()),
                ::testing::AllOf(::testing::HasSubstr("images.zarr"),
                                 ::testing::HasSubstr("in nm within a factor of 32")));
  }
  options.target_voxel_nm = {40, 128, 128};
  EXPECT_EQ(open_folder(options).volumes.size(), 1U);
}

/// A 2D image has no distance between planes that would be resampled.
TEST(OpenDataset, TheDistanceOfPlanesOfASingleOneDoesNotMatter) {
  const testing::TempFolder folder;
  write_scaled_volume(folder / "a", {1, 20, 30}, core::Vec3d{2000, 4, 4});
  data::DataOptions options = options_of_volumes(folder.path());
  options.target_voxel_nm = {40, 8, 8};
  EXPECT_EQ(open_folder(options).volumes.front().image->shape(), (core::Vec3{1, 10, 15}));
}

}  // namespace
}  // namespace retina::pipeline
