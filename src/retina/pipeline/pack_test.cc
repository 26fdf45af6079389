#include "retina/pipeline/pack.h"

#include <string_view>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// Image values 1000 * i, labels from `stored` in turn, in `path`/images and `path`/masks.
void write_pair(const std::filesystem::path& path, const std::string& name,
                const std::vector<std::uint8_t>& stored) {
  const core::Vec3 shape{1, 4, 8};
  core::Array image(core::DType::u16, 1, shape);
  core::Array mask(core::DType::u8, 1, shape);
  for (std::size_t i = 0; i < 32; ++i) {
    image.values<std::uint16_t>()[i] = static_cast<std::uint16_t>(1000 * i);
    mask.values<std::uint8_t>()[i] = stored[i % stored.size()];
  }
  for (const auto& [folder, values] : {std::pair{"images", &image}, std::pair{"masks", &mask}}) {
    std::filesystem::create_directories(path / folder);
    const auto file = store::create((path / folder / (name + ".tif")).string(),
                                    {.dtype = values->dtype(), .shape = shape});
    file->write(core::whole(shape), *values);
    file->finish();
  }
}

data::Dataset packed(const std::filesystem::path& folder, data::DataOptions options, int classes) {
  options.path = folder.string();
  const std::string path = folder.string() + ".pack";
  pack({.images = {}, .dataset = options, .output = path, .overwrite = true},
       core::silent_context());
  data::DataOptions from_pack;
  from_pack.path = path;
  return open_dataset(from_pack, classes, core::silent_context());
}

std::vector<int> first_labels(const data::Dataset& dataset, std::size_t slice) {
  const core::Array labels = data::read_plane(dataset, dataset.slices.at(slice)).labels;
  const auto values = labels.values<std::uint8_t>();
  return {values.begin(), values.begin() + 3};
}

TEST(PackDataset, KeepsTheRangeThatTheImagesHad) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 1});
  const data::Dataset dataset = packed(folder / "set", {}, 2);
  EXPECT_EQ(dataset.range, (core::IntensityRange{.low = 0, .high = 30000}));
  EXPECT_EQ(dataset.volumes[0].range, core::IntensityRange{});
}

TEST(PackDataset, Mask0And255BecomesClassOne) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 255});
  write_pair(folder / "set", "b", {0});
  EXPECT_EQ(first_labels(packed(folder / "set", {}, 2), 0), (std::vector<int>{0, 1, 0}));
}

TEST(PackDataset, AppliesLabelMapAndIgnoredValue) {
  const testing::TempFolder folder;
  write_pair(folder / "set", "a", {0, 7, 9});
  data::DataOptions options;
  options.labels = {{"0", 0}, {"7", 2}};
  options.ignore_value = 9;
  const data::Dataset dataset = packed(folder / "set", options, 3);
  EXPECT_EQ(first_labels(dataset, 0), (std::vector<int>{0, 2, data::kIgnore}));
}

TEST(PackDataset, HoldsOnlyTheChosenPlanes) {
  const testing::TempFolder folder;
  for (const char* name : {"a", "b", "c", "d"}) {
    write_pair(folder / "set", name, {0, 1});
  }
  data::DataOptions options;
  options.slices = "1:3";
  const data::Dataset dataset = packed(folder / "set", options, 2);
  ASSERT_EQ(dataset.slices.size(), 2U);
  EXPECT_EQ(data::describe(dataset, dataset.slices[0]), "b");
}

std::int64_t items_packed(const std::filesystem::path& image, const std::filesystem::path& output) {
  return pack({.images = {image.string()},
               .dataset = {},
               .output = output.string(),
               .overwrite = true},
              core::silent_context())
      .items;
}

TEST(PackImages, AContainerIsOneImageOfThePack) {
  const testing::TempFolder folder;
  const core::Vec3 shape{3, 8, 9};
  core::Array values(core::DType::u8, 1, shape);
  values.at<std::uint8_t>(0, 1, 2, 3) = 77;
  store::CreateOptions older;
  older.shape = shape;
  older.zarr_version = store::ZarrVersion::v0_4;
  store::CreateOptions plain;
  plain.shape = shape;
  for (const auto& [name, how] :
       {std::pair{"v2.zarr", &older}, std::pair{"v3.zarr", &plain}, std::pair{"a.pack", &plain},
        std::pair{"a.precomputed", &plain}}) {
    const auto file = store::create((folder / name).string(), *how);
    file->write(core::whole(shape), values);
    file->finish();
    EXPECT_EQ(items_packed(folder / name, folder / "p"), 1) << name;
    EXPECT_TRUE(store::open((folder / "p").string())->read(core::whole(shape)) == values) << name;
  }
}

TEST(PackImages, AFolderWithoutImagesIsRefusedNotLeftOut) {
  const testing::TempFolder folder;
  write_pair(folder.path(), "a", {0, 1});
  std::filesystem::create_directories(folder / "empty");
  core::write_atomically(folder / "images/notes.txt", std::string_view("no image"));
  EXPECT_EQ(items_packed(folder / "images", folder / "p"), 1);
  EXPECT_EQ(items_packed(folder.path(), folder / "p"), 1) << "a dataset";
  EXPECT_THROW(pack({.images = {(folder / "images").string(), (folder / "empty").string()},
                     .dataset = {},
                     .output = (folder / "p").string(),
                     .overwrite = true},
                    core::silent_context()),
               Error);
}

}  // namespace
}  // namespace retina::pipeline
