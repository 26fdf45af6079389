#include "retina/pipeline/check.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/open.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::HasSubstr;

/// A side x side PNG: a ramp, or a mask whose right half has the value `label`.
void write_png(const std::filesystem::path& path, std::int64_t side,
               std::optional<std::uint8_t> label = std::nullopt) {
  std::filesystem::create_directories(path.parent_path());
  core::Array array(core::DType::u8, 1, {1, side, side});
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      array.at<std::uint8_t>(0, 0, y, x) =
          label ? (x >= side / 2 ? *label : std::uint8_t{0}) : static_cast<std::uint8_t>(4 * x + y);
    }
  }
  store::CreateOptions options;
  options.shape = {1, side, side};
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole({1, side, side}), array);
  volume->finish();
}

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

TEST(Check, MissingFolderIsAProblemThatNamesThePath) {
  const testing::TempFolder folder;
  const CheckReport report = check(options_for(folder / "nowhere", {"m"}), core::silent_context());
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.problems[0].subject, HasSubstr("nowhere"));
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
