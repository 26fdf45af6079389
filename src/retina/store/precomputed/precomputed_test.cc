#include "retina/store/precomputed/precomputed.h"

#include <fstream>
#include <stop_token>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/downsample.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using core::DType;

CreateOptions volume_options() {
  CreateOptions options;
  options.shape = {20, 30, 40};
  options.voxel_nm = core::Vec3d{40, 8, 8};
  options.offset_nm = {400, -80, 24};
  options.chunk = {8, 16, 16};
  return options;
}

/// A volume of random bytes at `path`.
core::Array write_volume(const std::string& path, const CreateOptions& options) {
  const core::Array values = random_array(options.dtype, 1, options.shape, 4);
  const auto output = create(path, options);
  output->write(core::whole(options.shape), values);
  output->finish();
  return values;
}

std::string message_of_precomputed(const std::string& path) {
  try {
    const auto volume = open(path);
    volume->read(core::whole(volume->shape()));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

TEST(Precomputed, KeepsVoxelSizeAndOffset) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  write_volume(path, volume_options());
  const auto volume = open(path);
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{40, 8, 8}));
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{400, -80, 24}));
  EXPECT_TRUE(std::filesystem::exists(path + "/8_8_40/3-19_-10-6_10-18"));
}

TEST(Precomputed, AnUnknownVoxelSizeStaysUnknown) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  options.voxel_nm.reset();
  write_volume(path, options);
  EXPECT_FALSE(open(path)->info().voxel_nm.has_value());
}

TEST(Precomputed, ScalesOpenByKey) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  options.pyramid_levels = 2;
  write_volume(path, options);
  const auto coarse = open(path + ":16_16_40");
  EXPECT_EQ(coarse->shape(), (core::Vec3{20, 15, 21}));  // x begins at voxel 3: half a cell
  EXPECT_EQ(coarse->info().offset_nm, (core::Vec3d{400, -76, 20}));
  EXPECT_THAT(message_of_precomputed(path + ":9_9_9"),
              ::testing::HasSubstr("8_8_40, 16_16_40, 32_32_40"));
}

TEST(Precomputed, CoarseVoxelsLieWhereTheirOffsetSays) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  options.shape = {3, 5, 6};
  options.voxel_nm = core::Vec3d{8, 8, 8};
  options.offset_nm = {-8, 24, 16};  // voxels -1, 3 and 2
  options.pyramid_levels = 1;
  const core::Array values = write_volume(path, options);
  const core::Array whole = open(path + ":16_16_16")->read({{0, 0, 0}, {2, 3, 3}});
  EXPECT_EQ(open(path + ":16_16_16")->shape(), (core::Vec3{2, 3, 3}));
  for (std::int64_t z = 0; z < 2; ++z) {
    for (std::int64_t y = 0; y < 3; ++y) {
      for (std::int64_t x = 0; x < 3; ++x) {
        core::Box3 cell{{2 * (z - 1) + 1, 2 * (y + 1) - 3, 2 * (x + 1) - 2}, {2, 2, 2}};
        cell = core::intersect(cell, core::whole(options.shape));
        const core::Array fine = open(path)->read(cell);
        int sum = 0;
        for (const std::uint8_t value : fine.values<std::uint8_t>()) {
          sum += value;
        }
        const auto count = static_cast<int>(cell.voxels());
        EXPECT_EQ(whole.at<std::uint8_t>(0, z, y, x), (2 * sum + count) / (2 * count));
      }
    }
  }
}

TEST(Precomputed, LargeChunksAreReducedInPieces) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options;
  options.shape = {70, 210, 99};
  options.dtype = DType::u64;
  options.is_labels = true;
  options.voxel_nm = core::Vec3d{8, 8, 8};
  options.chunk = {64, 96, 96};
  options.pyramid_levels = 1;
  const core::Array values = write_volume(path, options);
  const auto coarse = open(path + ":16_16_16");
  EXPECT_TRUE(coarse->read(core::whole(coarse->shape())) ==
              downsample(values, {2, 2, 2}, Reduction::mode));
}

TEST(Precomputed, AStopEndsTheMakingOfScalesAndTheNextRunMakesThem) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  std::stop_source source;
  CreateOptions options = volume_options();
  options.pyramid_levels = 1;
  options.resume_key = "plan";
  options.stop = source.get_token();
  auto output = create(path, options);
  output->write(core::whole(options.shape), random_array(options.dtype, 1, options.shape, 4));
  source.request_stop();
  EXPECT_THROW(output->finish(), Error);
  EXPECT_FALSE(std::filesystem::exists(path));
  output.reset();
  options.stop = {};
  create(path, options)->finish();
  EXPECT_EQ(open(path + ":16_16_40")->shape(), (core::Vec3{20, 15, 21}));
}

TEST(Precomputed, OnlyItsOwnScalesAreReplaced) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  write_volume(path, options);
  options.overwrite = true;
  write_volume(path, options);
  std::filesystem::create_directories(path + "/mesh");
  EXPECT_THROW(create(path, options), Error);
  EXPECT_TRUE(std::filesystem::exists(path + "/mesh"));
}

TEST(Precomputed, ADamagedInfoReplacesNothingButItself) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  options.overwrite = true;
  for (const char* info : {R"({"scales":[{"key":""}]})", R"({"scales":[3,{"key":3}]})", "[]",
                           R"({"scales":{"a":{"key":"/"}}})"}) {
    std::filesystem::create_directories(path + "/mesh");
    std::ofstream(path + "/info") << info;
    EXPECT_THROW(create(path, options), Error) << info;
    EXPECT_TRUE(std::filesystem::exists(path + "/mesh"));
  }
}

TEST(Precomputed, LabelsArePackedAndReducedByTheMostFrequent) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  CreateOptions options = volume_options();
  options.dtype = DType::u64;
  options.is_labels = true;
  options.pyramid_levels = 1;
  const core::Array values = write_volume(path, options);
  const Json info = core::read_json(path + "/info");
  EXPECT_EQ(info["type"], "segmentation");
  EXPECT_EQ(info["scales"][0]["encoding"], "compressed_segmentation");
  EXPECT_TRUE(open(path)->read(core::whole(options.shape)) == values);
  const core::Array coarse = open(path + ":16_16_40")->read({{0, 0, 0}, {1, 1, 1}});
  std::vector<std::uint64_t> fine;
  for (int i = 0; i < 4; ++i) {
    fine.push_back(values.at<std::uint64_t>(0, 0, i / 2, i % 2));
  }
  EXPECT_THAT(fine, ::testing::Contains(coarse.at<std::uint64_t>(0, 0, 0, 0)));
}

TEST(Precomputed, ChunksThatAreMissingAreZeros) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  core::Array values = write_volume(path, volume_options());
  std::filesystem::remove(path + "/8_8_40/3-19_-10-6_10-18");
  const core::Array zeros(DType::u8, 1, {8, 16, 16});
  core::copy_overlap(zeros, {0, 0, 0}, values, {0, 0, 0});
  EXPECT_TRUE(open(path)->read(core::whole(values.shape())) == values);
}

TEST(Precomputed, ReadsChunksPackedByGzip) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  const core::Array values = write_volume(path, volume_options());
  const std::string chunk = path + "/8_8_40/3-19_-10-6_10-18";
  const std::string bytes = core::read_text(chunk);
  gzFile file = gzopen((chunk + ".gz").c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::filesystem::remove(chunk);
  EXPECT_TRUE(open(path)->read(core::whole(values.shape())) == values);
  std::filesystem::rename(chunk + ".gz", chunk + ".br");
  EXPECT_THAT(message_of_precomputed(path), ::testing::HasSubstr(".br"));
}

TEST(Precomputed, DamageNamesTheFile) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.precomputed").string();
  write_volume(path, volume_options());
  std::ofstream(path + "/8_8_40/3-19_-10-6_10-18") << "short";
  EXPECT_THAT(message_of_precomputed(path), ::testing::HasSubstr("3-19_-10-6_10-18"));
  std::ofstream(path + "/8_8_40/3-19_-10-6_10-18") << std::string(100000, 'x');
  EXPECT_THAT(message_of_precomputed(path), ::testing::HasSubstr("up to 2048 bytes"));
  std::ofstream(path + "/info") << "{\"data_type\": \"uint8\"}";
  EXPECT_THAT(message_of_precomputed(path), ::testing::HasSubstr("a.precomputed/info"));
  std::filesystem::remove(path + "/info");
  EXPECT_THAT(message_of_precomputed(path), ::testing::HasSubstr("a.precomputed/info"));
}

TEST(Precomputed, RefusesOutputsThatItCannotHold) {
  const testing::TempFolder folder;
  CreateOptions options = volume_options();
  options.dtype = DType::f64;
  options.shard = {64, 64, 64};
  try {
    create((folder / "a.precomputed").string(), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("float64"),
                                               ::testing::HasSubstr("64 x 64 x 64")));
  }
}

TEST(PrecomputedE2e, PythonReadsOurVolumes) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::f32}) {
    cases.push_back(write_case(
        folder.path(), {.path = std::string(core::name_of(dtype)) + ".precomputed", .dtype = dtype},
        2));
  }
  for (const DType dtype : {DType::u32, DType::u64}) {
    cases.push_back(write_case(
        folder.path(),
        {.path = "labels_" + std::string(core::name_of(dtype)) + ".precomputed", .dtype = dtype},
        2));
  }
  cases.push_back(write_case(folder.path(), {.path = "channels.precomputed", .channels = 3}, 2));
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_precomputed.py", "read", folder.path()), "equal\n");
}

TEST(PrecomputedE2e, DecodesJpegAsPythonDoes) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  ASSERT_EQ(run_script("check_precomputed.py", "write_jpeg", folder.path()), "written\n");
  for (const Json& written : core::read_json(folder / "expected.json")) {
    const std::string path = (folder / written["path"].get<std::string>()).string();
    const auto volume = open(path);
    const core::Box3 box = core::whole(volume->shape());
    EXPECT_TRUE(volume->read(box) == open(path + "_decoded")->read(box)) << path;
  }
}

std::vector<FormatCase> precomputed_cases() {
  std::vector<FormatCase> cases;
  for (const DType dtype : {DType::u8, DType::u32, DType::f32}) {
    cases.push_back({.name = "Precomputed_" + std::string(core::name_of(dtype)),
                     .extension = ".precomputed",
                     .dtype = dtype,
                     .shape = {11, 40, 37},
                     .chunk = {4, 8, 16}});
  }
  cases.push_back({.name = "PrecomputedChannels",
                   .extension = ".precomputed",
                   .shape = {11, 40, 37},
                   .channels = 3,
                   .chunk = {4, 16, 16}});
  cases.push_back({.name = "PrecomputedDefaultGrid", .extension = ".precomputed"});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Precomputed, StoreReading, ::testing::ValuesIn(precomputed_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Precomputed, StoreWriting, ::testing::ValuesIn(precomputed_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Precomputed, StoreAnyOrder, ::testing::ValuesIn(precomputed_cases()),
                         name_of_case);

INSTANTIATE_TEST_SUITE_P(Precomputed, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"precomputed", "check_precomputed.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
