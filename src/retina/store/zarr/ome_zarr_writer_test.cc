#include "retina/store/zarr/ome_zarr_writer.h"

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

TEST(OmeZarrWriter, ALabelIsReplacedOnRequestAndListedOnce) {
  const testing::TempFolder folder;
  const std::string image = (folder / "x.zarr").string();
  CreateOptions options = image_options({4, 20, 20});
  write_zarr(image, options);
  write_zarr(image + "/labels/a", options);
  EXPECT_THROW(create(image + "/labels/a", options), Error);
  options.overwrite = true;
  write_zarr(image + "/labels/a", options);
  EXPECT_EQ(core::read_json(image + "/labels/zarr.json")["attributes"]["ome"]["labels"].size(), 1U);
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
            (core::Vec3{20, 128, 512}));
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
