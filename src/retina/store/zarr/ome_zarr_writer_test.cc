#include "retina/store/zarr/ome_zarr_writer.h"

#include <cstddef>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/behaviour.h"
#include "retina/store/downsample.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

CreateOptions image_options(const core::Vec3& shape) {
  CreateOptions options;
  options.shape = shape;
  options.voxel_nm = core::Vec3d{8, 8, 8};
  options.chunk = {8, 8, 8};
  options.shard = {16, 16, 16};
  return options;
}

core::Array grey_levels(const core::Vec3& shape) {
  core::Array values(core::DType::u8, 1, shape);
  core::Rng rng(2);
  for (auto& value : values.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return values;
}

void write_zarr(const std::string& path, const CreateOptions& options) {
  const auto output = create(path, options);
  output->write(core::whole(options.shape), grey_levels(options.shape));
  output->finish();
}

TEST(OmeZarrWriter, PyramidLevelsAreTheReducedWhole) {
  for (const bool is_labels : {false, true}) {
    const testing::TempFolder folder;
    CreateOptions options = image_options({19, 37, 50});
    options.pyramid_levels = 2;
    options.is_labels = is_labels;
    write_zarr((folder / "x.zarr").string(), options);
    const Reduction reduction = is_labels ? Reduction::mode : Reduction::mean;
    const core::Array first = downsample(grey_levels(options.shape), {2, 2, 2}, reduction);
    const core::Array second = downsample(first, {2, 2, 2}, reduction);
    const auto level = open((folder / "x.zarr/2").string());
    EXPECT_TRUE(level->read(core::whole(level->shape())) == second);
  }
}

TEST(OmeZarrWriter, LargeChunksAreReducedInPieces) {
  const testing::TempFolder folder;
  CreateOptions options = image_options({140, 200, 201});
  options.dtype = core::DType::u64;
  options.chunk = {64, 96, 95};
  options.shard = options.chunk;
  options.pyramid_levels = 1;
  const core::Array values = random_array(options.dtype, 1, options.shape, 5);
  const auto output = create((folder / "x.zarr").string(), options);
  output->write(core::whole(options.shape), values);
  output->finish();
  const auto level = open((folder / "x.zarr/1").string());
  EXPECT_TRUE(level->read(core::whole(level->shape())) ==
              downsample(values, {2, 2, 2}, Reduction::mean));
}

TEST(OmeZarrWriter, AStopEndsThePyramidAndTheNextRunMakesIt) {
  const testing::TempFolder folder;
  std::stop_source source;
  CreateOptions options = image_options({4, 20, 20});
  options.pyramid_levels = 1;
  options.resume_key = "plan";
  options.stop = source.get_token();
  const std::string path = (folder / "x.zarr").string();
  auto output = create(path, options);
  output->write(core::whole(options.shape), grey_levels(options.shape));
  source.request_stop();
  EXPECT_THROW(output->finish(), Error);
  EXPECT_FALSE(std::filesystem::exists(path));
  output.reset();
  options.stop = {};
  create(path, options)->finish();
  EXPECT_EQ(open(path + ":1")->shape(), (core::Vec3{2, 10, 10}));
}

TEST(OmeZarrWriter, LabelsJoinTheirImage) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  options.is_labels = true;
  write_zarr(image + "/labels/semantic", options);
  write_zarr(image + ":/labels/instances", options);
  const Json group = core::read_json(image + "/labels/zarr.json");
  EXPECT_EQ(group["attributes"]["ome"]["labels"], Json::parse(R"(["semantic","instances"])"));
  EXPECT_EQ(open(image + ":/labels/semantic")->info().voxel_nm, options.voxel_nm);
  EXPECT_EQ(open(image + "/labels/instances")->shape(), options.shape);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(OmeZarrWriter, LabelsFinishedAtOnceAreAllListed) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  options.is_labels = true;
  constexpr std::size_t kWriters = 8;
  {
    std::vector<std::jthread> writers;  // each takes the lock as another process would
    for (std::size_t i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] { write_zarr(image + "/labels/" + std::to_string(i), options); });
    }
  }
  const Json group = core::read_json(image + "/labels/zarr.json");
  EXPECT_EQ(group["attributes"]["ome"]["labels"].size(), kWriters);
}

TEST(OmeZarrWriter, LabelsMayBeWrittenBesideAnUnfinishedImage) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  const CreateOptions options = image_options({4, 20, 20});
  const auto output = create(image, options);
  const auto labels = create(image + "/labels/semantic", options);
  EXPECT_THROW(labels->finish(), Error);
  output->finish();
  labels->finish();
  EXPECT_EQ(open(image + "/labels/semantic")->shape(), options.shape);
}

TEST(OmeZarrWriter, Version4IsVersion4ToTheLastLabel) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  options.shard = {0, 0, 0};
  options.offset_nm = {80, 8, 16};
  options.pyramid_levels = 1;
  options.zarr_version = ZarrVersion::v0_4;
  write_zarr(image, options);
  options.zarr_version = ZarrVersion::v0_5;  // the image decides
  options.is_labels = true;
  write_zarr(image + "/labels/semantic", options);
  for (const char* path : {"", "/labels/semantic"}) {
    const auto volume = open(image + path);
    EXPECT_EQ(volume->info().format, "ome-zarr 0.4");
    EXPECT_EQ(volume->info().voxel_nm, options.voxel_nm);
    EXPECT_EQ(volume->info().offset_nm, options.offset_nm);
    EXPECT_EQ(open(image + path + ":1")->shape(), (core::Vec3{2, 10, 10}));
  }
  EXPECT_EQ(core::read_json(image + "/labels/.zattrs")["labels"], Json::parse(R"(["semantic"])"));
  EXPECT_TRUE(std::filesystem::exists(image + "/0/0/0/0"));
}

TEST(OmeZarrWriter, LabelsOfAnotherVersionAreNotMixedIn) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  CreateOptions older = options;
  older.shard = {0, 0, 0};
  older.zarr_version = ZarrVersion::v0_4;
  const auto unfinished = create(image, older);
  const auto labels = create(image + "/labels/a", options);
  unfinished->finish();
  EXPECT_THROW(labels->finish(), Error);
  options = older;
  options.shard = {8, 8, 8};
  EXPECT_THROW(create((folder / "y.zarr").string(), options), Error);
}

TEST(OmeZarrWriter, ALabelIsReplacedOnRequestAndListedOnce) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  options.is_labels = true;
  write_zarr(image + "/labels/a", options);
  EXPECT_THROW(create(image + "/labels/a", options), Error);
  options.overwrite = true;
  write_zarr(image + "/labels/a", options);
  EXPECT_EQ(core::read_json(image + "/labels/zarr.json")["attributes"]["ome"]["labels"].size(), 1U);
}

TEST(OmeZarrWriter, WhatIsNoLabelIsNotListed) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  const CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  write_zarr(image + "/labels/a_probabilities", options);
  EXPECT_FALSE(
      core::read_json(image + "/labels/zarr.json")["attributes"]["ome"].contains("labels"));
}

TEST(OmeZarrWriter, AGroupOfLabelsThatIsNoneIsNamedAndNothingIsLost) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  options.is_labels = true;
  options.resume_key = "plan";
  std::filesystem::create_directories(image + "/labels");
  for (const char* attributes :
       {R"({"ome": "0.5"})", R"({"ome": {"labels": "a"}})", R"({"ome": {"labels": {"a": 1}}})"}) {
    core::write_atomically(image + "/labels/zarr.json",
                           R"({"zarr_format": 3, "node_type": "group", "attributes": )" +
                               std::string(attributes) + "}");
    try {
      write_zarr(image + "/labels/a", options);
      FAIL() << attributes;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("x.zarr/labels"));
    }
  }
  std::filesystem::remove(image + "/labels/zarr.json");
  const auto output = create(image + "/labels/a", options);
  EXPECT_TRUE(output->is_written(core::whole(options.shape)));
  output->finish();
  EXPECT_EQ(core::read_json(image + "/labels/zarr.json")["attributes"]["ome"]["labels"].size(), 1U);
}

TEST(OmeZarrWriter, LabelsWithoutAnImageAreRefusedAtOnce) {
  const testing::TempFolder folder;
  const std::string labels = (folder / "x.zarr/labels/a").string();
  CreateOptions options = image_options({4, 20, 20});
  EXPECT_THROW(create(labels, options), Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  options.needs_image = false;
  EXPECT_EQ(create(labels, options)->shape(), options.shape);
}

TEST(OmeZarrWriter, LabelsAndOtherFilesOfAnImageAreNotReplaced) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  options.pyramid_levels = 1;
  write_zarr(image, options);
  options.overwrite = true;
  write_zarr(image, options);
  auto late = create(image, options);
  write_zarr(image + "/labels/a", options);
  EXPECT_THROW(late->finish(), Error);
  late.reset();
  EXPECT_THROW(create(image, options), Error);
  EXPECT_EQ(open(image + "/labels/a")->shape(), options.shape);
}

TEST(OmeZarrWriter, LabelsThatTheJobWritesAnewMayGo) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  write_zarr(image + "/labels/a", options);
  options.overwrite = true;
  options.replaced_labels = {"b"};
  EXPECT_THROW(create(image, options), Error);
  options.replaced_labels = {"a", "b"};
  write_zarr(image, options);
  EXPECT_FALSE(std::filesystem::exists(image + "/labels"));
}

TEST(OmeZarrWriter, AFolderOfOtherThingsIsNotReplaced) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  core::write_atomically(folder / "notes", std::string_view("mine"));
  std::filesystem::create_directories(image);
  std::filesystem::rename(folder / "notes", image + "/notes");
  CreateOptions options = image_options({4, 20, 20});
  options.overwrite = true;
  EXPECT_THROW(create(image, options), Error);
  EXPECT_TRUE(std::filesystem::exists(image + "/notes"));
}

TEST(OmeZarrWriter, GridsFitTheVolume) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 5000, 3};
  EXPECT_EQ(create((folder / "a.zarr").string(), options)->write_unit(), (core::Vec3{1, 2048, 3}));
  options.shape = {100, 1000, 1000};
  EXPECT_EQ(create((folder / "b.zarr").string(), options)->write_unit(),
            (core::Vec3{64, 512, 512}));
  options.shard = {20, 100, 0};
  EXPECT_EQ(create((folder / "c.zarr").string(), options)->write_unit(),
            (core::Vec3{20, 100, 512}));
  options.chunk = {0, 64, 0};
  EXPECT_THROW(create((folder / "d.zarr").string(), options), Error);
}

TEST(OmeZarrWriter, AnInterruptedFinishIsRepeated) {
  const testing::TempFolder folder;
  CreateOptions options = image_options({4, 20, 20});
  options.pyramid_levels = 1;
  options.resume_key = "plan";
  const std::string path = (folder / "x.zarr").string();
  create(path, options)->write(core::whole(options.shape), grey_levels(options.shape));
  std::filesystem::create_directories(folder / ".x.zarr.partial/1/c/0/0/0");  // half a level
  const auto output = create(path, options);
  output->finish();
  EXPECT_FALSE(std::filesystem::exists(folder / "x.zarr/.resume_key"));
  EXPECT_EQ(open(path + ":1")->shape(), (core::Vec3{2, 10, 10}));
}

TEST(OmeZarrWriter, UncompressedValuesTakeTheirOwnSize) {
  const testing::TempFolder folder;
  CreateOptions options = image_options({16, 16, 16});
  options.compression = Compression::none;
  write_zarr(folder / "a.zarr", options);
  EXPECT_GE(std::filesystem::file_size(folder / "a.zarr/0/c/0/0/0"), 16U * 16U * 16U);
  EXPECT_TRUE(open(folder / "a.zarr")->read(core::whole(options.shape)) ==
              grey_levels(options.shape));
}

std::vector<FormatCase> ome_zarr_cases() {
  std::vector<FormatCase> cases;
  for (const core::DType dtype : {core::DType::u8, core::DType::u64, core::DType::f32}) {
    cases.push_back({.name = std::string(core::name_of(dtype)),
                     .extension = ".zarr",
                     .dtype = dtype,
                     .shape = {11, 40, 37},
                     .chunk = {4, 8, 16},
                     .shard = {8, 16, 32}});
  }
  cases.push_back({.name = "Channels",
                   .extension = ".zarr",
                   .shape = {11, 40, 37},
                   .channels = 3,
                   .chunk = {4, 8, 16},
                   .shard = {4, 16, 32}});
  cases.push_back({.name = "DefaultGrid", .extension = ".zarr"});
  cases.push_back({.name = "Version4",
                   .extension = ".zarr",
                   .dtype = core::DType::u16,
                   .shape = {11, 40, 37},
                   .chunk = {4, 8, 16},
                   .zarr_version = ZarrVersion::v0_4});
  cases.push_back({.name = "Version4Channels",
                   .extension = ".zarr",
                   .dtype = core::DType::f64,
                   .channels = 3,
                   .zarr_version = ZarrVersion::v0_4});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(OmeZarr, StoreReading, ::testing::ValuesIn(ome_zarr_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OmeZarr, StoreWriting, ::testing::ValuesIn(ome_zarr_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OmeZarr, StoreAnyOrder, ::testing::ValuesIn(ome_zarr_cases()),
                         name_of_case);

}  // namespace
}  // namespace retina::store
