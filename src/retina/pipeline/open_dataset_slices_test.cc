#include "retina/pipeline/open_dataset_slices.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/pipeline/open_dataset_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(OpenDataset, StacksAreSlicedAlongTheAskedAxes) {
  const testing::TempFolder folder;
  write_constant(folder / "image.tif", {4, 6, 8}, 9);
  write_constant(folder / "labels.zarr", {4, 6, 8}, 1);
  data::DataOptions options;
  options.images = (folder / "image.tif").string();
  options.masks = (folder / "labels.zarr").string();
  options.axes = {"xy", "xz", "yz"};
  EXPECT_EQ(open_folder(options).slices.size(), 18U);
  options.axes = {"xy"};
  options.every = 2;
  EXPECT_EQ(open_folder(options).slices.size(), 2U);
}

TEST(OpenDataset, RangeOfSlicesIsTakenInOrder) {
  const testing::TempFolder folder;
  for (const char* stem : {"0", "1", "2"}) {
    write_constant(folder / "images" / (std::string(stem) + ".png"), {1, 8, 8}, 9);
    write_constant(folder / "masks" / (std::string(stem) + ".png"), {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  options.slices = "1:";
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.slices.size(), 2U);
  EXPECT_EQ(data::describe(dataset, dataset.slices[0]), "1");
  options.slices = "5:9";
  EXPECT_THROW(open_folder(options), Error);
}

TEST(OpenDataset, OfEveryVolumeOfAFolderEveryNthPlaneIsTaken) {
  const testing::TempFolder folder;
  for (const char* stem : {"a", "b"}) {
    write_constant(folder / "images" / (std::string(stem) + ".tif"), {20, 8, 8}, 9);
    write_constant(folder / "masks" / (std::string(stem) + ".tif"), {20, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  options.every = 5;
  const data::Dataset dataset = open_folder(options);
  EXPECT_EQ(names_in(dataset), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dataset.slices.size(), 8U);
}

TEST(OpenDataset, RangeOfSlicesIsRefusedWithSeveralAxes) {
  const testing::TempFolder folder;
  write_constant(folder / "image.tif", {4, 6, 8}, 9);
  write_constant(folder / "labels.tif", {4, 6, 8}, 1);
  data::DataOptions options;
  options.images = (folder / "image.tif").string();
  options.masks = (folder / "labels.tif").string();
  options.axes = {"xy", "xz"};
  options.slices = "0:2";
  EXPECT_THROW(open_folder(options), Error);
}

}  // namespace
}  // namespace retina::pipeline
