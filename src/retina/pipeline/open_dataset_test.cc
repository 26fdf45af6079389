#include "retina/pipeline/open_dataset.h"

#include <array>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/intensity.h"
#include "retina/pipeline/open_dataset_test_data.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/heard.h"
#include "retina/testing/open_file_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(OpenDataset, PairsByStemInNaturalOrder) {
  const testing::TempFolder folder;
  for (const char* stem : {"s10", "s2", "s1"}) {
    write_constant(folder / "images" / (std::string(stem) + ".png"), {1, 8, 8}, 9);
    write_constant(folder / "masks" / (std::string(stem) + ".tif"), {1, 8, 8}, 1);
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
    write_constant(folder / name / "images" / "a.png", {1, 8, 8}, 9);
    write_constant(folder / name / "masks" / "a.png", {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  EXPECT_EQ(names_in(open_folder(options)), (std::vector<std::string>{"left/a", "right/a"}));
}

TEST(OpenDataset, FolderOfSlicesIsAStackWhereOtherAxesAreAsked) {
  const testing::TempFolder folder;
  for (const char* stem : {"0", "1", "2"}) {
    write_constant(folder / "images" / (std::string(stem) + ".png"), {1, 6, 8}, 9);
    write_constant(folder / "masks" / (std::string(stem) + ".png"), {1, 6, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  options.axes = {"xz"};
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.volumes.size(), 1U);
  EXPECT_EQ(dataset.slices.size(), 6U);
}

TEST(OpenDataset, OnlyEveryNthImageOfAFolderNeedsItsMask) {
  const testing::TempFolder folder;
  for (const char* stem : {"0", "1", "2", "3"}) {
    write_constant(folder / "images" / (std::string(stem) + ".png"), {1, 8, 8}, 9);
  }
  for (const char* stem : {"0", "1", "2"}) {  // the mask of 1 is blank, and is not used
    write_constant(folder / "masks" / (std::string(stem) + ".png"), {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  options.every = 2;
  EXPECT_EQ(names_in(open_folder(options)), (std::vector<std::string>{"0", "2"}));
  options.every = 3;
  EXPECT_THROW(open_folder(options), Error);  // 3 has no mask
}

TEST(OpenDataset, FilesThatAreNoImagesAreLeftOutAndSecondExtensionsToo) {
  const testing::TempFolder folder;
  write_constant(folder / "images/a.ome.tif", {1, 8, 8}, 9);
  write_constant(folder / "masks/a.png", {1, 8, 8}, 1);
  for (const char* name : {"images/notes.txt", "images/Thumbs.db", "masks/Thumbs.db"}) {
    core::write_atomically(folder / name, std::string_view("x"));
  }
  data::DataOptions options;
  options.path = folder.path().string();
  EXPECT_EQ(names_in(open_folder(options)), (std::vector<std::string>{"a"}));
  core::write_atomically(folder / "images/b.png", std::string_view("x"));
  write_constant(folder / "masks/b.png", {1, 8, 8}, 1);
  EXPECT_EQ(try_open_dataset(options, 2, core::silent_context()).problems.size(), 1U)
      << "a damaged image";
}

TEST(OpenDataset, ClassIdBeyondTheClassesIsRefused) {
  const testing::TempFolder folder;
  write_constant(folder / "images" / "a.png", {1, 8, 8}, 9);
  write_constant(folder / "masks" / "a.png", {1, 8, 8}, 7);
  data::DataOptions options;
  options.path = folder.path().string();
  options.labels = {{"7", 5}};
  EXPECT_THROW(open_folder(options), Error);
  options.labels = {{"7", 1}};
  EXPECT_NO_THROW(open_folder(options));
}

void write_u16(const std::filesystem::path& path, std::uint16_t low, std::uint16_t high) {
  std::filesystem::create_directories(path.parent_path());
  const core::Vec3 shape{1, 8, 8};
  core::Array values(core::DType::u16, 1, shape);
  const auto pixels = values.values<std::uint16_t>();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = i % 2 == 0 ? low : high;
  }
  const auto volume = store::create(path.string(), {.dtype = core::DType::u16, .shape = shape});
  volume->write(core::whole(shape), values);
  volume->finish();
}

TEST(OpenDataset, AllVolumesShareOneRangeAndUint8IsTakenAsItIs) {
  const testing::TempFolder folder;
  write_u16(folder / "dim/images/a.tif", 0, 4000);
  write_u16(folder / "bright/images/a.tif", 100, 60000);
  write_constant(folder / "bytes/images/a.png", {1, 8, 8}, 9);
  for (const char* name : {"dim", "bright", "bytes"}) {
    write_constant(folder / name / "masks/a.png", {1, 8, 8}, 1);
  }
  data::DataOptions options;
  options.path = folder.path().string();
  const data::Dataset dataset = open_folder(options);
  const core::IntensityRange all{.low = 0, .high = 60000};
  EXPECT_EQ(dataset.range, all);
  ASSERT_EQ(names_in(dataset), (std::vector<std::string>{"bright/a", "bytes/a", "dim/a"}));
  EXPECT_EQ(dataset.volumes[0].range, all);
  EXPECT_EQ(dataset.volumes[1].range, core::IntensityRange{});
  EXPECT_EQ(dataset.volumes[2].range, all);
}

/// An image of floats, one of them NaN.
void write_with_nan(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  const core::Vec3 shape{1, 8, 8};
  core::Array values(core::DType::f32, 1, shape);
  for (std::size_t i = 0; i < 64; ++i) {
    values.values<float>()[i] = static_cast<float>(i);
  }
  values.at<float>(0, 0, 3, 3) = std::numeric_limits<float>::quiet_NaN();
  const auto volume = store::create(path.string(), {.dtype = core::DType::f32, .shape = shape});
  volume->write(core::whole(shape), values);
  volume->finish();
}

TEST(OpenDataset, ADataSetWithNanIsWarnedOfOnce) {
  const testing::TempFolder folder;
  data::DataOptions options;
  options.path = folder.path().string();
  for (const char* name : {"a", "b", "c"}) {
    const std::filesystem::path image = folder / "images" / (std::string(name) + ".tif");
    if (name[0] == 'a') {
      write_u16(image, 0, 4000);
    } else {
      write_with_nan(image);
    }
    write_constant(folder / "masks" / (std::string(name) + ".png"), {1, 8, 8}, 1);
  }
  options.input_range = {0, 60};
  const testing::Heard heard;
  open_dataset(options, 2, heard.context);
  const std::string told = heard.text();
  EXPECT_THAT(told, ::testing::HasSubstr("b.tif: 1.56 % of the values are not finite"));
  EXPECT_EQ(told.find("not finite"), told.rfind("not finite"));
  std::filesystem::remove(folder / "images/a.tif");
  std::filesystem::remove(folder / "masks/a.png");
  options.input_range.clear();
  const testing::Heard second;
  EXPECT_THAT(try_open_dataset(options, 2, second.context).note, ::testing::HasSubstr("b.tif"));
  EXPECT_EQ(second.text().find("not finite"), std::string::npos) << "who goes on to look tells it";
}

TEST(OpenDataset, AFolderOfAnyNumberOfTiffFilesNeedsFewOpenFiles) {
  const testing::TempFolder folder;
  write_u16(folder / "images/0.tif", 0, 4000);
  write_constant(folder / "masks/0.tif", {1, 8, 8}, 1);
  for (int i = 1; i < 80; ++i) {
    for (const std::filesystem::path& part : {folder / "images", folder / "masks"}) {
      std::filesystem::copy_file(part / "0.tif", part / (std::to_string(i) + ".tif"));
    }
  }
  data::DataOptions options;
  options.path = folder.path().string();
  const testing::OpenFileLimit limit(60);
  const data::Dataset dataset = open_folder(options);
  ASSERT_EQ(dataset.slices.size(), 80U);
  for (const data::Slice& slice : dataset.slices) {
    const data::LabelledPlane plane = data::read_plane(dataset, slice);
    EXPECT_EQ(plane.image.values<std::uint8_t>()[1], 255);
    EXPECT_EQ(plane.labels.values<std::uint8_t>()[1], 1);
  }
}

/// What is told of a dataset that is not there.
std::string told_of_absent_data(const data::DataOptions& options) {
  std::string told;
  for (const Problem& problem : try_open_dataset(options, 2, core::silent_context()).problems) {
    told += to_string(problem) + "\n";
  }
  return told;
}

TEST(OpenDataset, MasksAreAskedForOnlyWhereTheyAreWanted) {
  const testing::TempFolder folder;
  data::DataOptions in_folder;
  in_folder.path = folder.path().string();
  data::DataOptions alone;
  alone.images = (folder / "nothere").string();
  alone.masks = (folder / "masks").string();
  for (data::DataOptions options : {in_folder, alone}) {
    EXPECT_THAT(told_of_absent_data(options), ::testing::HasSubstr("masks"));
    options.masks.clear();
    EXPECT_THAT(told_of_absent_data(options),
                ::testing::AllOf(::testing::HasSubstr("images"),
                                 ::testing::Not(::testing::HasSubstr("mask"))));
  }
}

TEST(OpenDataset, RangeGivenForUint8ImagesIsNotUsed) {
  const testing::TempFolder folder;
  write_constant(folder / "images" / "a.png", {1, 8, 8}, 60);
  write_constant(folder / "masks" / "a.png", {1, 8, 8}, 1);
  data::DataOptions options;
  options.path = folder.path().string();
  options.input_range = {50, 200};
  const data::Dataset dataset = open_folder(options);
  EXPECT_EQ(data::read_image(dataset, dataset.slices[0]).values<std::uint8_t>()[0], 60);
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
  options.masks.clear();  // as pretrain has it, which may not know the labels' classes
  EXPECT_EQ(open_dataset(options, 1, core::silent_context()).volumes.front().labels, nullptr);
}

}  // namespace
}  // namespace retina::pipeline
