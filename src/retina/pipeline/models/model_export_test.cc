#include "retina/pipeline/models/model_export.h"

#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/models/models_test_data.h"
#include "retina/testing/file_size_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

TEST(Models, ATorchFileAndItsCardAreReplacedTogetherOrNotAtAll) {
  const testing::TempFolder folder;
  write_described_model(folder / "model");
  const fs::path file = folder / "out.pth";
  const fs::path card = folder / "out.pth.json";
  Json given{
      {"action", "export"}, {"path", (folder / "model").string()}, {"output", file.string()}};
  run_models(given);
  const std::string text = core::read_text(card);
  fs::remove(file);  // as an export that was killed between the two leaves it
  run_models(given);
  EXPECT_TRUE(fs::exists(file));
  fs::remove(file);
  core::write_atomically(card, std::string_view("notes of mine"));
  EXPECT_THROW(run_models(given), Error);
  EXPECT_FALSE(fs::exists(file));
  EXPECT_EQ(core::read_text(card), "notes of mine");
  given["overwrite"] = true;
  for (int i = 0; i < 2; ++i) {  // the second time there are weights to replace
    run_models(given);
    EXPECT_EQ(core::read_text(card), text);
  }
}

TEST(Models, NoCardIsLeftOfWeightsThatCannotBeWritten) {
  const testing::TempFolder folder;
  write_described_model(folder / "model");
  const Json given{{"action", "export"},
                   {"path", (folder / "model").string()},
                   {"output", (folder / "out.pth").string()}};
  {
    const testing::FileSizeLimit limit(16384);  // the card has room
    EXPECT_THROW(run_models(given), Error);
  }
  EXPECT_FALSE(fs::exists(folder / "out.pth"));
  EXPECT_FALSE(fs::exists(folder / "out.pth.json"));
  run_models(given);
  EXPECT_TRUE(fs::exists(folder / "out.pth.json"));
}

}  // namespace
}  // namespace retina::pipeline
