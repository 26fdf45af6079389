#include "retina/pipeline/check/check.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/lock.h"
#include "retina/core/rng.h"
#include "retina/pipeline/check/check_test_data.h"
#include "retina/store/open.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::HasSubstr;

CheckOptions options_for(const std::filesystem::path& root, std::vector<std::string> classes) {
  CheckOptions options;
  options.data.path = root.string();
  options.classes = std::move(classes);
  return options;
}

TEST(Check, GoodDatasetIsReadyWithItsClassShares) {
  const testing::TempFolder folder;
  for (const char* name : {"a", "b"}) {
    write_png(folder / "images" / (std::string(name) + ".png"), 32);
    write_png(folder / "masks" / (std::string(name) + ".png"), 32, std::uint8_t{1});
  }
  const CheckReport report =
      check(options_for(folder.path(), {"mitochondria"}), core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_EQ(report.volumes.size(), 2U);
  EXPECT_EQ(report.statistics.class_shares(2), (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(to_json(report)["classes"][1]["name"], "mitochondria");
}

TEST(Check, TheDigestIsOfImagesAndLabels) {
  const testing::TempFolder folder;
  const auto digest_with_mask = [&](std::uint8_t value) {
    std::filesystem::remove(folder / "masks/b.png");
    write_png(folder / "masks/b.png", 24, value);
    const CheckReport report =
        check(options_for(folder.path(), {"mitochondria"}), core::silent_context());
    return to_json(report).at("digest").get<std::string>();
  };
  write_png(folder / "images/a.png", 32);
  write_png(folder / "masks/a.png", 32, std::uint8_t{1});
  write_png(folder / "images/b.png", 24);
  const std::string first = digest_with_mask(1);
  EXPECT_EQ(digest_with_mask(1), first);
  EXPECT_NE(digest_with_mask(0), first);
  EXPECT_EQ(digest_with_mask(255), first) << "the same classes, otherwise stored";
}

/// One plane whose rows are stored apart; remembers the largest part that was asked for.
class WatchedPlane final : public core::Volume {
 public:
  explicit WatchedPlane(std::int64_t side) : Volume({}) {
    info_.shape = {1, side, side};
    info_.chunk = {1, 64, side};
  }
  std::int64_t largest() const { return largest_; }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    largest_ = std::max(largest_, box.voxels());
    core::Array part(core::DType::u8, 1, box.shape);
    const auto pixels = part.values<std::uint8_t>();
    std::fill_n(pixels.begin(), pixels.size() / 2, std::uint8_t{1});
    return part;
  }

 private:
  mutable std::int64_t largest_ = 0;
};

TEST(Check, ALargePlaneIsNeverWholeInMemory) {
  const auto image = std::make_shared<WatchedPlane>(6000);
  const auto labels = std::make_shared<WatchedPlane>(6000);
  data::Dataset dataset;
  dataset.label_map.class_count = 2;
  dataset.volumes.push_back({.name = "v", .image = image, .labels = labels, .range = {}});
  dataset.slices.push_back({});
  CheckOptions options;
  options.output = "page.html";  // which asks for thumbnails; check_data() does not write it
  const CheckReport report = check_data({.training = &dataset}, options, core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_EQ(report.statistics.pixels(), 36'000'000);
  EXPECT_EQ(report.thumbnails.size(), 1U);
  EXPECT_LE(image->largest(), data::kBandPixels);
  EXPECT_LE(labels->largest(), data::kBandPixels);
}

TEST(Check, AllProblemsAreReportedAtOnce) {
  const testing::TempFolder folder;
  write_png(folder / "images" / "a.png", 32);
  write_png(folder / "masks" / "a.png", 16, std::uint8_t{1});  // another size
  write_png(folder / "images" / "b.png", 32);                  // no mask
  write_png(folder / "masks" / "c.png", 32, std::uint8_t{1});  // no image
  write_png(folder / "images" / "d.png", 32);
  write_png(folder / "masks" / "d.png", 32, std::uint8_t{7});  // unknown class
  const CheckReport report =
      check(options_for(folder.path(), {"mitochondria"}), core::silent_context());
  const std::string table = to_table(report);
  EXPECT_THAT(table, HasSubstr("a.png"));
  EXPECT_THAT(table, HasSubstr("no mask named b"));
  EXPECT_THAT(table, HasSubstr("no image named c"));
  EXPECT_THAT(table, HasSubstr("label value 7 at y=0, x=16"));
  EXPECT_GE(report.problems.size(), 4U);
  EXPECT_THROW(throw_if_bad(report, options_for(folder.path(), {})), Error);
}

TEST(Check, MasksOf0And255AreReadAs0And1AndSaidSo) {
  const testing::TempFolder folder;
  write_png(folder / "images" / "a.png", 32);
  write_png(folder / "masks" / "a.png", 32, std::uint8_t{255});
  const CheckReport report =
      check(options_for(folder.path(), {"mitochondria"}), core::silent_context());
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(to_table(report), HasSubstr("1 masks hold only 0 and 255: read as 0 and 1"));
}

TEST(Check, MasksOf0And255HaveOneClassWhereNoneIsNamed) {
  const testing::TempFolder folder;
  write_png(folder / "images/a.png", 32);
  write_png(folder / "masks/a.png", 32, std::uint8_t{255});
  const CheckReport report = check(options_for(folder.path(), {}), core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_THAT(to_table(report), HasSubstr("1 masks hold only 0 and 255: read as 0 and 1"));
  EXPECT_THAT(report.class_names, ::testing::ElementsAre("background", "class 1"));
  write_png(folder / "images/b.png", 32);
  write_png(folder / "masks/b.png", 32, std::uint8_t{7});
  const CheckReport mixed = check(options_for(folder.path(), {}), core::silent_context());
  EXPECT_THAT(to_table(mixed), HasSubstr("label value 255")) << "255 beside other classes";
}

TEST(Check, ABadLabelValueIsToldOnceForAVolume) {
  const testing::TempFolder folder;
  const core::Vec3 shape{4, 8, 8};
  core::Array values(core::DType::u8, 1, shape);
  for (std::size_t i = 0; i < values.values<std::uint8_t>().size(); ++i) {
    values.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i % 251);
  }
  for (const char* name : {"images/a.tif", "masks/a.tif"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    const auto volume = store::create((folder / name).string(), {.shape = shape});
    volume->write(core::whole(shape), values);
    volume->finish();
  }
  const CheckReport report = check(options_for(folder.path(), {"m"}), core::silent_context());
  ASSERT_EQ(report.problems.size(), 1U) << to_table(report);
  EXPECT_THAT(to_string(report.problems[0]), HasSubstr("label value 2 at z=0"));
  EXPECT_THAT(to_string(report.problems[0]), HasSubstr("and 3 more planes of a"));
}

TEST(Check, PixelsThatAreNotFiniteAreNotedAndCounted) {
  const testing::TempFolder folder;
  const core::Vec3 shape{1, 8, 8};
  std::filesystem::create_directories(folder / "images");
  for (const char* name : {"a", "b"}) {
    core::Array values(core::DType::f32, 1, shape);
    for (std::size_t i = 0; i < 64; ++i) {
      values.values<float>()[i] = static_cast<float>(name[0] == 'a' ? i : 64 - i);
    }
    values.at<float>(0, 0, 3, 3) = std::numeric_limits<float>::quiet_NaN();
    const auto file = store::create((folder / "images" / (std::string(name) + ".tif")).string(),
                                    {.dtype = core::DType::f32, .shape = shape});
    file->write(core::whole(shape), values);
    file->finish();
    write_png(folder / "masks" / (std::string(name) + ".png"), 8, std::uint8_t{1});
  }
  const CheckReport report = check(options_for(folder.path(), {"m"}), core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_THAT(to_table(report),
              HasSubstr("note: a and 1 more images: 1.56 % of the values are not finite"));
  EXPECT_EQ(to_json(report)["volumes"][1]["non_finite"], 1);
}

TEST(Check, AFileThatChangesWhileItIsReadIsAProblem) {
  const testing::TempFolder folder;
  write_png(folder / "images/a.png", 32);
  write_png(folder / "masks/a.png", 32, std::uint8_t{1});
  const core::Context changing = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.what == testing::Reported::What::begin) {
      const std::filesystem::path mask = folder / "masks/a.png";
      std::filesystem::last_write_time(
          mask, std::filesystem::last_write_time(mask) + std::chrono::hours(1));
    }
    return false;
  });
  const CheckReport report = check(options_for(folder.path(), {"m"}), changing);
  ASSERT_EQ(report.problems.size(), 1U) << to_table(report);
  EXPECT_THAT(to_string(report.problems[0]), HasSubstr("masks/a.png"));
  EXPECT_THAT(to_string(report.problems[0]), HasSubstr("changed while it was read"));
}

TEST(Check, APageThatAnotherProcessWritesIsRefused) {
  const testing::TempFolder folder;
  write_png(folder / "images/a.png", 32);
  write_png(folder / "masks/a.png", 32, std::uint8_t{1});
  CheckOptions options = options_for(folder.path(), {"m"});
  options.output = folder / "new/page.html";
  {
    const core::OutputLock other(options.output);
    try {
      check(options, core::silent_context());
      FAIL() << "not noticed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::resource);
    }
  }
  check(options, core::silent_context());
  EXPECT_TRUE(std::filesystem::exists(options.output));
}

TEST(Check, MissingFolderIsAProblemThatNamesThePath) {
  const testing::TempFolder folder;
  const CheckReport report = check(options_for(folder / "nowhere", {"m"}), core::silent_context());
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.problems[0].subject, HasSubstr("nowhere"));
}

TEST(Check, NoImagesAndAClassNamedTwiceAreWrongOptions) {
  CheckOptions options;
  options.classes = {"m", "m"};
  ASSERT_FALSE(std::filesystem::exists(options.data.images));
  const std::vector<Problem> problems = options.validate();
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_THAT(problems[0].found, HasSubstr("no images"));
  EXPECT_THAT(problems[1].found, HasSubstr("'m' twice"));
}

TEST(Check, WhatIsMissingOfTheHeldOutDataIsNamedAsTheirs) {
  const testing::TempFolder folder;
  write_png(folder / "images/a.png", 32);
  write_png(folder / "masks/a.png", 32, std::uint8_t{1});
  CheckOptions options = options_for(folder.path(), {"m"});
  options.validation.path = folder / "nowhere";
  const CheckReport report = check(options, core::silent_context());
  ASSERT_EQ(report.problems.size(), 1U) << to_table(report);
  EXPECT_THAT(report.problems[0].subject, ::testing::StartsWith("held-out data: "));
}

/// A side x side PNG of noise: images that differ with the seed.
void write_noise(const std::filesystem::path& path, std::int64_t side, std::uint64_t seed) {
  std::filesystem::create_directories(path.parent_path());
  core::Array array(core::DType::u8, 1, {1, side, side});
  core::Rng rng(seed);
  for (auto& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  const auto volume = store::create(path.string(), {.shape = {1, side, side}});
  volume->write(core::whole({1, side, side}), array);
  volume->finish();
}

TEST(Check, RepeatedImagesAreNotedAndLeaksAreProblems) {
  const testing::TempFolder folder;
  for (const auto& [name, seed] : {std::pair("a", 1U), std::pair("b", 2U), std::pair("c", 1U)}) {
    write_noise(folder / "train/images" / (std::string(name) + ".png"), 24, seed);
    write_png(folder / "train/masks" / (std::string(name) + ".png"), 24, std::uint8_t{1});
  }
  write_noise(folder / "held/images/x.png", 24, 2);
  write_png(folder / "held/masks/x.png", 24, std::uint8_t{1});
  CheckOptions options = options_for(folder / "train", {"m"});
  options.validation.path = folder / "held";
  const CheckReport report = check(options, core::silent_context());
  ASSERT_EQ(report.repeated.size(), 2U);
  EXPECT_THAT(to_table(report), HasSubstr("note: c has the image of a"));
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_THAT(to_string(report.problems[0]), HasSubstr("x (held out)"));
  EXPECT_EQ(report.statistics.planes, 3);
  EXPECT_EQ(report.volumes.size(), 4U);
  EXPECT_TRUE(to_json(report)["duplicates"][1]["leak"]);
}

void write_placed_volume(const std::string& path, const core::Vec3d& voxel_nm,
                         const core::Vec3d& offset_nm) {
  const core::Vec3 shape{2, 16, 16};
  const auto volume =
      store::create(path, {.shape = shape, .voxel_nm = voxel_nm, .offset_nm = offset_nm});
  core::Array values(core::DType::u8, 1, shape);
  values.at<std::uint8_t>(0, 0, 3, 3) = 1;
  values.at<std::uint8_t>(0, 1, 5, 5) = 1;
  volume->write(core::whole(shape), values);
  volume->finish();
}

TEST(Check, LabelsMustLieOnTheVoxelsOfTheirImage) {
  const testing::TempFolder folder;
  write_placed_volume(folder / "image.zarr", {8, 8, 8}, {0, 0, 0});
  write_placed_volume(folder / "coarse.zarr", {16, 8, 8}, {0, 0, 0});
  write_placed_volume(folder / "moved.zarr", {8, 8, 8}, {0, 80, 0});
  write_placed_volume(folder / "good.zarr", {8.001, 8, 8}, {1, 0, 0});
  CheckOptions options;
  options.data.images = folder / "image.zarr";
  const auto problems_with = [&](const std::string& labels) {
    options.data.masks = folder / labels;
    return to_table(check(options, core::silent_context()));
  };
  EXPECT_THAT(problems_with("coarse.zarr"), HasSubstr("voxels of 16"));
  EXPECT_THAT(problems_with("moved.zarr"), HasSubstr("an offset of 0 x 80 x 0"));
  EXPECT_THAT(problems_with("good.zarr"), HasSubstr("ready for training"));
  options.data.voxel_size_nm = {8, 8, 8};
  EXPECT_THAT(problems_with("coarse.zarr"), HasSubstr("ready for training"));
}

TEST(Check, EmptyMasksAreNotedAndOnlyEmptyMasksAreAProblem) {
  const testing::TempFolder folder;
  write_noise(folder / "images/a.png", 24, 1);
  write_png(folder / "masks/a.png", 24, std::uint8_t{0});
  const std::string empty =
      to_table(check(options_for(folder.path(), {"m"}), core::silent_context()));
  EXPECT_THAT(empty, HasSubstr("masks of " + folder.path().string() + ": no foreground at all"));
  write_noise(folder / "images/b.png", 24, 2);
  write_png(folder / "masks/b.png", 24, std::uint8_t{1});
  const std::string half =
      to_table(check(options_for(folder.path(), {"m"}), core::silent_context()));
  EXPECT_THAT(half, HasSubstr("1 of 2 planes have no foreground"));
  EXPECT_THAT(half, HasSubstr("ready for training"));
}

TEST(Check, HeldOutMasksMayBeEmpty) {
  const testing::TempFolder folder;
  write_noise(folder / "train/images/a.png", 24, 1);
  write_png(folder / "train/masks/a.png", 24, std::uint8_t{1});
  write_noise(folder / "held/images/b.png", 24, 2);
  write_png(folder / "held/masks/b.png", 24, std::uint8_t{0});
  CheckOptions options = options_for(folder / "train", {"m"});
  options.validation.path = folder / "held";
  const CheckReport report = check(options, core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_THAT(to_table(report), HasSubstr("1 of 1 held-out planes have no foreground"));
}

TEST(CheckE2e, RealEmIsReadyForTraining) {
  const std::filesystem::path set = testing::data_root() / "vnc";
  RETINA_SKIP_WITHOUT(set);
  CheckOptions options = options_for(set, {"mitochondria"});
  options.data.masks = "masks_mitochondria";
  options.data.slices = "0:2";
  const CheckReport report = check(options, core::silent_context());
  EXPECT_TRUE(report.ok()) << to_table(report);
  EXPECT_EQ(report.statistics.planes, 2);
  EXPECT_GT(report.statistics.class_shares(2)[1], 0.01);
}

}  // namespace
}  // namespace retina::pipeline
