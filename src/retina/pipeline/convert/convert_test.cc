#include "retina/pipeline/convert/convert.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <limits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/downsample.h"
#include "retina/store/open.h"
#include "retina/testing/sparse_volume.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using core::Array;
using core::Box3;
using core::DType;
using core::Vec3;
using ::testing::HasSubstr;

Array random_values(DType dtype, const Vec3& shape, std::int64_t most) {
  Array values(dtype, 1, shape);
  core::Rng rng(7);
  core::dispatch(dtype, [&](auto zero) {
    for (auto& value : values.values<decltype(zero)>()) {
      value = static_cast<decltype(zero)>(rng.integer(0, most));
    }
  });
  return values;
}

ConvertReport run_convert(const core::Volume& input, const ConvertOptions& options) {
  return convert_volume(input, options, core::silent_context());
}

std::string message_of_convert(const core::Volume& input, const ConvertOptions& options) {
  try {
    run_convert(input, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "converted";
}

TEST(Convert, KeepsVoxelsWhateverTheFormatsAndBlocks) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u8, {9, 70, 83}, 255);
  const auto input = core::in_memory(values, core::Vec3d{40, 4, 4});
  for (const char* name : {"a.zarr", "b.tif", "c"}) {
    for (const int threads : {1, 3}) {
      const std::string path = folder / name;
      ConvertOptions options{.output = path, .threads = threads, .overwrite = true};
      if (path.ends_with(".zarr")) {
        options.chunk = {4, 16, 16};
        options.shard = {4, 32, 32};
      }
      run_convert(*input, options);
      const auto result = store::open(path);
      EXPECT_TRUE(result->read(core::whole(values.shape())) == values) << name;
    }
  }
  EXPECT_EQ(store::open(folder / "a.zarr")->info().voxel_nm, (core::Vec3d{40, 4, 4}));
  run_convert(*store::open(folder / "b.tif"), {.output = folder / "d.zarr"});
  EXPECT_TRUE(store::open(folder / "d.zarr")->read(core::whole(values.shape())) == values);
}

TEST(Convert, WritesTheOlderOmeZarrWhereItIsAsked) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u16, {9, 70, 83}, 60000);
  run_convert(*core::in_memory(values),
              {.output = folder / "a.zarr", .zarr_version = store::ZarrVersion::v0_4});
  const auto result = store::open(folder / "a.zarr");
  EXPECT_EQ(result->info().format, "ome-zarr 0.4");
  EXPECT_TRUE(result->read(core::whole(values.shape())) == values);
}

TEST(Convert, NeverReplacesItsInput) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u8, {2, 8, 8}, 255);
  run_convert(*core::in_memory(values), {.output = folder / "a.zarr"});
  const auto input = store::open(folder / "a.zarr");
  EXPECT_THROW(run_convert(*input, {.output = folder / "a.zarr", .overwrite = true}), Error);
  EXPECT_TRUE(store::open(folder / "a.zarr")->read(core::whole(values.shape())) == values);
}

TEST(Convert, ACropKeepsItsPlace) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u16, {9, 20, 30}, 60000);
  const auto input = core::in_memory(values, core::Vec3d{40, 4, 5});
  run_convert(*input, {.output = folder / "a.zarr", .crop = "2:7,:,10:"});
  const auto result = store::open(folder / "a.zarr");
  EXPECT_EQ(result->shape(), (Vec3{5, 20, 20}));
  EXPECT_EQ(result->info().offset_nm, (core::Vec3d{80, 0, 50}));
  EXPECT_TRUE(result->read(core::whole({5, 20, 20})) == input->read({{2, 0, 10}, {5, 20, 20}}));
}

TEST(Convert, NarrowingThatLosesNothingIsDoneAndSaid) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u32, {3, 20, 30}, 200);
  const auto report = run_convert(*core::in_memory(values),
                                  {.output = folder / "a.zarr", .dtype = "u8", .labels = true});
  EXPECT_TRUE(report.checks_values);
  EXPECT_THAT(to_text(report), HasSubstr("narrowed uint32 as uint8: values"));
  const auto result = store::open(folder / "a.zarr");
  EXPECT_EQ(result->info().dtype, DType::u8);
  EXPECT_TRUE(core::convert(result->read(core::whole({3, 20, 30})), DType::u32) == values);
}

TEST(Convert, LossIsRefusedUnlessTheUserSaysWhatBecomesOfIt) {
  const testing::TempFolder folder;
  Array values = random_values(DType::u16, {3, 20, 30}, 4000);
  values.at<std::uint16_t>(0, 2, 19, 29) = 4000;
  const auto input = core::in_memory(values);
  const ConvertOptions narrow{.output = folder / "a.zarr", .dtype = "uint8"};
  const std::string message = message_of_convert(*input, narrow);
  EXPECT_THAT(message, HasSubstr("outside uint8"));
  EXPECT_THAT(message, HasSubstr("--input-range"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.zarr"));

  ConvertOptions clipped = narrow;
  clipped.allow_narrowing = true;
  clipped.overwrite = true;
  run_convert(*input, clipped);
  EXPECT_EQ(
      store::open(folder / "a.zarr")->read({{2, 19, 29}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0),
      255);

  ConvertOptions mapped = narrow;
  mapped.output = folder / "b.zarr";
  mapped.input_range = {0, 4000};
  EXPECT_FALSE(run_convert(*input, mapped).checks_values);
  EXPECT_EQ(
      store::open(folder / "b.zarr")->read({{2, 19, 29}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0),
      255);

  clipped.labels = true;  // merging ids is never what is wanted
  EXPECT_THAT(message_of_convert(*input, clipped), HasSubstr("holds every label"));
}

TEST(Convert, SaysHowManyMappedValuesAreNoNumbers) {
  const testing::TempFolder folder;
  Array values(DType::f32, 1, {2, 3, 4});
  values.at<float>(0, 1, 2, 3) = std::numeric_limits<float>::quiet_NaN();
  values.at<float>(0, 0, 1, 1) = std::numeric_limits<float>::infinity();
  ConvertOptions options{.output = folder / "a.zarr", .dtype = "u8", .input_range = {-1, 1}};
  EXPECT_THAT(run_convert(*core::in_memory(values), options).notes,
              ::testing::Contains(HasSubstr("2 values are no numbers")));
  const auto written = store::open(folder / "a.zarr");
  EXPECT_EQ(written->read({{1, 2, 3}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 0);
  EXPECT_EQ(written->read({{0, 1, 1}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 255);
  options.output = folder / "b.zarr";
  EXPECT_THAT(run_convert(*core::in_memory(Array(DType::f32, 1, {2, 3, 4})), options).notes,
              ::testing::Not(::testing::Contains(HasSubstr("no numbers"))));
}

TEST(Convert, LabelIdsBeyond32BitsArriveUnchanged) {
  const testing::TempFolder folder;
  Array ids(DType::u64, 1, {2, 3, 4});
  ids.at<std::uint64_t>(0, 0, 0, 0) = (1ULL << 32U) + 5;
  ids.at<std::uint64_t>(0, 1, 2, 3) = std::numeric_limits<std::uint64_t>::max();
  const auto input = core::in_memory(ids);
  run_convert(*input, {.output = folder / "a.zarr", .labels = true});
  EXPECT_TRUE(store::open(folder / "a.zarr")->read(core::whole({2, 3, 4})) == ids);
  EXPECT_THAT(
      message_of_convert(*input, {.output = folder / "b.zarr", .dtype = "u32", .labels = true}),
      HasSubstr("18446744073709551615"));
}

TEST(Convert, AFileThatSaysThatItHoldsLabelsStaysOne) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u16, {8, 20, 30}, 3);
  run_convert(*core::in_memory(values, core::Vec3d{8, 8, 8}),
              {.output = folder / "a.zarr", .pyramid = "0", .labels = true});
  const Array coarse = store::downsample(values, {2, 2, 2}, store::Reduction::mode);
  for (const auto& [from, to] :
       {std::pair("a.zarr", "b.precomputed"), std::pair("b.precomputed", "c.zarr")}) {
    const auto input = store::open(folder / from);
    EXPECT_TRUE(input->info().is_labels);
    const ConvertReport report = run_convert(*input, {.output = folder / to, .pyramid = "1"});
    EXPECT_THAT(to_text(report), HasSubstr("as with --labels"));
  }
  EXPECT_TRUE(store::open(folder / "c.zarr")->info().is_labels);
  EXPECT_TRUE(store::open(folder / "b.precomputed:16_16_16")->read(core::whole({4, 10, 15})) ==
              coarse);
  EXPECT_TRUE(store::open(folder / "c.zarr/1")->read(core::whole({4, 10, 15})) == coarse);

  const auto input = store::open(folder / "a.zarr");
  run_convert(*input, {.output = folder / "d.zarr", .dtype = "u8", .input_range = {0, 3}});
  EXPECT_FALSE(store::open(folder / "d.zarr")->info().is_labels) << "mapped: intensities";
  const auto large = core::in_memory(random_values(DType::u16, {8, 20, 30}, 3000));
  run_convert(*large, {.output = folder / "e.zarr", .labels = true});
  EXPECT_THROW(run_convert(*store::open(folder / "e.zarr"),
                           {.output = folder / "f.zarr", .dtype = "u8", .allow_narrowing = true}),
               Error)
      << "ids are never clipped";
}

TEST(Convert, AnInterruptedConversionContinues) {
  const testing::TempFolder folder;
  const Box3 corner{{3, 2040, 4090}, {1, 8, 6}};
  testing::SparseVolume input({4, 2048, 4096}, DType::u8, {{corner, 77}});
  input.set_chunk({1, 0, 0});
  ConvertOptions options{.output = folder / "a.zarr",
                         .pyramid = "0",
                         .chunk = {1, 1024, 1024},
                         .shard = {1, 2048, 4096},
                         .threads = 1};
  const core::Context ctx = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.is_update(); });
  EXPECT_THROW(convert_volume(input, options, ctx), Error);
  EXPECT_FALSE(std::filesystem::exists(folder / "a.zarr"));
  EXPECT_EQ(input.voxels_read(), 2048 * 4096);
  ConvertOptions other = options;
  other.dtype = "u16";
  EXPECT_THROW(run_convert(input, other), Error) << "the unfinished work of another plan";
  const ConvertReport report = run_convert(input, options);
  EXPECT_EQ(report.blocks, 4);
  EXPECT_EQ(report.blocks_kept, 1);
  const auto result = store::open(folder / "a.zarr");
  EXPECT_TRUE(result->read(corner) == input.read(corner));
}

/// In which a stop is asked for when all blocks are written, before the pyramid is made.
core::Context context_that_stops_at_the_end() {
  return testing::stopping_context([](const testing::Reported& reported) {
    return reported.what == testing::Reported::What::end;
  });
}

TEST(Convert, OneThatDiedAfterItsOutputGotItsNameIsOver) {
  const testing::TempFolder folder;
  const auto input = core::in_memory(random_values(DType::u8, {3, 70, 83}, 255));
  const ConvertOptions options{.output = folder / "a.zarr", .pyramid = "1"};
  const core::Context ctx = context_that_stops_at_the_end();
  EXPECT_THROW(convert_volume(*input, options, ctx), Error);
  store::CreateOptions rest;
  rest.shape = input->shape();
  rest.pyramid_levels = 1;
  rest.resume_key = core::read_text(core::partial_path(folder / "a.zarr") / ".resume_key");
  store::create(folder / "a.zarr", rest)->finish();

  ConvertOptions other = options;
  other.pyramid = "0";
  EXPECT_THROW(run_convert(*input, other), Error) << "another plan, whose output exists";
  EXPECT_THAT(to_text(run_convert(*input, options)), HasSubstr("from an earlier run"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()),
                          std::filesystem::directory_iterator()),
            1);
  EXPECT_THROW(run_convert(*input, options), Error) << "the record of a job that is over is gone";
}

TEST(Convert, TheCheckOfValuesDoesNotCountAsTakenMemory) {
  const testing::TempFolder folder;
  const auto input = core::in_memory(random_values(DType::u16, {12, 1024, 512}, 200));
  const std::int64_t mib = std::int64_t{1} << 20;
  // one eighth is for the cache; one thread needs 16 MiB of the rest
  const std::int64_t limit = (core::peak_rss_bytes() + 18 * mib) * 8 / 7;
  const ConvertReport report = run_convert(*input, {.output = folder / "a.zarr",
                                                    .dtype = "u8",
                                                    .pyramid = "0",
                                                    .chunk = {1, 512, 512},
                                                    .shard = {1, 512, 512},
                                                    .max_ram = std::to_string(limit),
                                                    .threads = 1});
  EXPECT_TRUE(report.checks_values);
}

TEST(Convert, ChunksOfTheInputCountAsMemory) {
  const testing::TempFolder folder;
  testing::SparseVolume input({256, 1024, 1024}, DType::u8);
  const ConvertOptions options{.output = folder / "a.zarr",
                               .max_ram = std::to_string(core::peak_rss_bytes() + (600LL << 20)),
                               .threads = 2,
                               .dry_run = true};
  input.set_chunk({64, 512, 512});
  const ConvertReport report = run_convert(input, options);
  EXPECT_EQ(report.block, (Vec3{64, 512, 512}));
  EXPECT_EQ(report.planned_peak_bytes, 2 * (3 + 3) * (64LL * 512 * 512))
      << "read, and twice for writing; as stored, decoded and in order";
  input.set_chunk({256, 1024, 1024});
  EXPECT_THROW(run_convert(input, options), Error);
}

TEST(Convert, AnInputThatWasReplacedIsAnotherPlan) {
  const testing::TempFolder folder;
  const Array values = random_values(DType::u8, {3, 70, 83}, 255);
  run_convert(*core::in_memory(values), {.output = folder / "in.tif"});
  const ConvertOptions options{.output = folder / "a.zarr", .pyramid = "1"};
  const core::Context ctx = context_that_stops_at_the_end();
  EXPECT_THROW(convert_volume(*store::open(folder / "in.tif"), options, ctx), Error);
  const auto written = std::filesystem::last_write_time(folder / "in.tif");
  std::filesystem::last_write_time(folder / "in.tif", written - std::chrono::hours(1));
  EXPECT_THROW(run_convert(*store::open(folder / "in.tif"), options), Error);
}

TEST(Convert, AnInputThatChangesWhileItIsReadIsRefused) {
  const testing::TempFolder folder;
  const std::filesystem::path input = folder / "in.tif";
  run_convert(*core::in_memory(random_values(DType::u8, {3, 70, 83}, 255)),
              {.output = input.string()});
  const auto written = std::filesystem::last_write_time(input);
  const core::Context changing = testing::stopping_context([&](const testing::Reported&) {
    std::filesystem::last_write_time(input, written + std::chrono::hours(1));
    return false;
  });
  const ConvertOptions options{.output = folder / "a.zarr", .pyramid = "1"};
  try {
    convert_volume(*store::open(input.string()), options, changing);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("changed while it was read"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--overwrite"));
  }
  EXPECT_FALSE(std::filesystem::exists(options.output));
  ConvertOptions again = options;
  again.overwrite = true;
  run_convert(*store::open(input.string()), again);
  EXPECT_TRUE(std::filesystem::exists(options.output));
}

TEST(Convert, ChoicesThatTheFormatDoesNotOfferAreRefused) {
  const testing::TempFolder folder;
  const auto input = core::in_memory(random_values(DType::u8, {3, 20, 30}, 255));
  for (const char* name : {"a.tif", "a.nrrd", "a.pack", "a"}) {
    EXPECT_THROW(run_convert(*input, {.output = folder / name, .chunk = {1, 8, 8}}), Error) << name;
    EXPECT_THROW(run_convert(*input, {.output = folder / name, .pyramid = "2"}), Error) << name;
  }
  EXPECT_THROW(run_convert(*input, {.output = folder / "a.h5", .pyramid = "2"}), Error);
  EXPECT_THROW(
      run_convert(*input, {.output = folder / "a.h5", .zarr_version = store::ZarrVersion::v0_4}),
      Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Convert, APlanWritesNothing) {
  const testing::TempFolder folder;
  const auto input = core::in_memory(random_values(DType::u16, {4, 20, 30}, 300));
  const ConvertReport report = run_convert(
      *input, {.output = folder / "a.zarr", .dtype = "u8", .max_ram = "2GiB", .dry_run = true});
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(report.checks_values);
  EXPECT_EQ(report.bytes_written, 4 * 20 * 30);
  EXPECT_EQ(report.bytes_read, 2 * 2 * 4 * 20 * 30);
  EXPECT_EQ(to_json(report)["shape"], (Json{4, 20, 30}));
}

TEST(Convert, AllProblemsOfTheOptionsAreReportedAtOnce) {
  const ConvertOptions options{.dtype = "u7",
                               .input_range = {3, 1},
                               .pyramid = "many",
                               .chunk = {1, 2},
                               .shard = {0, 1, 1},
                               .threads = -1};
  EXPECT_GE(options.validate().size(), 8U);
}

TEST(Convert, PlansAndCropsAVolumeBeyond32Bits) {
  const testing::TempFolder folder;
  const Vec3 shape{3000, 4000, 2500};  // 3 x 10^10 voxels
  const Box3 corner{{2990, 3980, 2470}, {10, 20, 30}};
  const std::uint64_t id = (1ULL << 40U) + 3;
  testing::SparseVolume input(shape, DType::u64, {{corner, id}});
  input.set_voxel_nm({40, 4, 4});
  ConvertOptions options{.output = folder / "a.zarr", .labels = true, .dry_run = true};
  const ConvertReport plan = run_convert(input, options);
  EXPECT_EQ(plan.bytes_written, 240'000'000'000);
  EXPECT_LE(plan.planned_peak_bytes, std::int64_t{4} << 30);
  EXPECT_EQ(input.voxels_read(), 0);

  options.dry_run = false;
  options.crop = "2985:,3970:,2460:";
  run_convert(input, options);
  const auto result = store::open(folder / "a.zarr");
  EXPECT_EQ(result->shape(), (Vec3{15, 30, 40}));
  EXPECT_EQ(result->info().offset_nm, (core::Vec3d{2985. * 40, 3970. * 4, 2460. * 4}));
  EXPECT_EQ(result->read({{5, 10, 10}, {1, 1, 1}}).at<std::uint64_t>(0, 0, 0, 0), id);
  EXPECT_EQ(result->read({{4, 10, 10}, {1, 1, 1}}).at<std::uint64_t>(0, 0, 0, 0), 0U);
  EXPECT_LE(input.voxels_read(), 15 * 30 * 40);
}

TEST(Convert, ExtremeShapesSurvive) {
  const testing::TempFolder folder;
  for (const Vec3& shape : {Vec3{1, 1, 1}, Vec3{1, 37, 53}, Vec3{1, 200'000, 300}}) {
    const Box3 last{{0, shape[1] - 1, shape[2] - 1}, {1, 1, 1}};
    const testing::SparseVolume input(shape, DType::u8, {{last, 200}});
    for (const char* name : {"a.zarr", "a.tif"}) {
      const std::string path = folder / name;
      run_convert(input, {.output = path, .overwrite = true});
      const auto result = store::open(path);
      EXPECT_EQ(result->shape(), shape) << name;
      EXPECT_EQ(result->read(last).at<std::uint8_t>(0, 0, 0, 0), 200) << name;
    }
  }
}

TEST(Convert, AnisotropyReachesTheFileAndItsPyramid) {
  const testing::TempFolder folder;
  for (const double ratio : {1., 5., 10.}) {
    testing::SparseVolume input({128, 128, 128}, DType::u8, {{core::whole({128, 128, 128}), 9}});
    input.set_voxel_nm({4 * ratio, 4, 4});
    run_convert(input, {.output = folder / "a.zarr", .pyramid = "1", .overwrite = true});
    EXPECT_EQ(store::open(folder / "a.zarr")->info().voxel_nm, (core::Vec3d{4 * ratio, 4, 4}));
    const auto level = store::open(folder / "a.zarr/1");
    EXPECT_EQ(level->shape(), (Vec3{ratio == 1. ? 64 : 128, 64, 64}));
    EXPECT_EQ(level->read({{0, 63, 63}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 9);
  }
}

}  // namespace
}  // namespace retina::pipeline
