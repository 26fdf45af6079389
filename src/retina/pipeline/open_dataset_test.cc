#include "retina/pipeline/open_dataset.h"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>

#include "retina/core/intensity.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

core::Array filled(const core::Vec3& shape, std::uint8_t value) {
  core::Array array(core::DType::u8, 1, shape);
  for (std::uint8_t& v : array.values<std::uint8_t>()) {
    v = value;
  }
  return array;
}

/// An image or stack in the format of the extension.
void write_volume(const std::filesystem::path& path, const core::Vec3& shape, std::uint8_t value) {
  std::filesystem::create_directories(path.parent_path());
  store::CreateOptions options;
  options.shape = shape;
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole(shape), filled(shape, value));
  volume->finish();
}

std::vector<std::string> names_in(const data::Dataset& dataset) {
  std::vector<std::string> names;
  for (const data::LabelledVolume& volume : dataset.volumes) {
    names.push_back(volume.name);
  }
  return names;
}

data::Dataset open_folder(const data::DataOptions& options) {
  return open_dataset(options, 2, core::silent_context());
}

TEST(OpenDataset, PairsByStemInNaturalOrder) {
  const testing::TempFolder folder;
  for (const char* stem : {"s10", "s2", "s1"}) {
    write_volume(folder / "images" / (std::string(stem) + ".png"), {1, 8, 8}, 9);
    write_volume(folder / "masks" / (std::string(stem) + ".tif"), {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  const data::Dataset dataset = open_folder(options);
  EXPECT_EQ(names_in(dataset), (std::vector<std::string>{"s1", "s2", "s10"}));
  EXPECT_EQ(dataset.slices.size(), 3U);
}

TEST(OpenDataset, NamedVolumesLieInTheirOwnFolders) {
  const testing::TempFolder folder;
  for (const char* name : {"left", "right"}) {
    write_volume(folder / name / "images" / "a.png", {1, 8, 8}, 9);
    write_volume(folder / name / "masks" / "a.png", {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  EXPECT_EQ(names_in(open_folder(options)), (std::vector<std::string>{"left/a", "right/a"}));
}

TEST(OpenDataset, StacksAreSlicedAlongTheAskedAxes) {
  const testing::TempFolder folder;
  write_volume(folder / "image.tif", {4, 6, 8}, 9);
  write_volume(folder / "labels.zarr", {4, 6, 8}, 1);
  data::DataOptions options;
  options.images = (folder / "image.tif").string();
  options.masks = (folder / "labels.zarr").string();
  options.axes = {"xy", "xz", "yz"};
  EXPECT_EQ(open_folder(options).slices.size(), 18U);
  options.axes = {"xy"};
  options.every = 2;
  EXPECT_EQ(open_folder(options).slices.size(), 2U);
}

TEST(OpenDataset, FolderOfSlicesIsAStackWhereOtherAxesAreAsked) {
  const testing::TempFolder folder;
  for (const char* stem : {"0", "1", "2"}) {
    write_volume(folder / "images" / (std::string(stem) + ".png"), {1, 6, 8}, 9);
    write_volume(folder / "masks" / (std::string(stem) + ".png"), {1, 6, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  options.axes = {"xz"};
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.volumes.size(), 1U);
  EXPECT_EQ(dataset.slices.size(), 6U);
}

TEST(OpenDataset, RangeOfSlicesIsTakenInOrder) {
  const testing::TempFolder folder;
  for (const char* stem : {"0", "1", "2"}) {
    write_volume(folder / "images" / (std::string(stem) + ".png"), {1, 8, 8}, 9);
    write_volume(folder / "masks" / (std::string(stem) + ".png"), {1, 8, 8}, 1);
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

TEST(OpenDataset, PackHoldsTheSamePlanes) {
  const testing::TempFolder folder;
  const std::array<store::PackItem, 1> items{
      store::PackItem{.name = "one",
                      .image = core::in_memory(filled({3, 6, 8}, 9)),
                      .labels = core::in_memory(filled({3, 6, 8}, 1)),
                      .range = {}}};
  const std::string path = (folder / "set.pack").string();
  store::write_pack(path, items, {}, core::silent_context());
  data::DataOptions options;
  options.path = path;
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.slices.size(), 3U);
  EXPECT_EQ(data::read_plane(dataset, dataset.slices[1]).labels.values<std::uint8_t>()[0], 1);
}

}  // namespace
}  // namespace retina::pipeline
