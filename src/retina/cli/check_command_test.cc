#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/cli/commands.h"
#include "retina/core/array.h"
#include "retina/core/error.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::cli {
namespace {

namespace fs = std::filesystem;

/// Two planes of values that differ by `seed`, or of labels 0 and 1.
void write_stack(const fs::path& path, int seed, bool is_labels) {
  fs::create_directories(path.parent_path());
  const core::Vec3 shape{2, 32, 32};
  core::Array array(core::DType::u8, 1, shape);
  for (std::int64_t z = 0; z < 2; ++z) {
    for (std::int64_t y = 0; y < 32; ++y) {
      for (std::int64_t x = 0; x < 32; ++x) {
        array.at<std::uint8_t>(0, z, y, x) = static_cast<std::uint8_t>(
            is_labels ? x / 16 : (3 * x + 5 * y * (z + 1) + 40 * seed) % 256);
      }
    }
  }
  store::CreateOptions options;
  options.shape = shape;
  options.is_labels = is_labels;
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole(shape), array);
  volume->finish();
}

Json data_of(const fs::path& folder, int seed) {
  write_stack(folder / "image.nrrd", seed, false);
  write_stack(folder / "label.nrrd", seed, true);
  return {{"images", (folder / "image.nrrd").string()},
          {"masks", (folder / "label.nrrd").string()}};
}

Json check_of(const Json& given) {
  return check_command().run(given, "", core::silent_context()).json;
}

TEST(CheckCommand, ReadsTheDataOfATrainingConfiguration) {
  const testing::TempFolder folder;
  const Json first = data_of(folder / "first", 0);
  const Json second = data_of(folder / "second", 1);
  const Json third = data_of(folder / "third", 2);
  const Json training{{"preset", "retina-tiny"},
                      {"init", "a model that is not here"},
                      {"output", "run"},
                      {"classes", {"half"}},
                      {"data", first},
                      {"more_data", Json::array({second})},
                      {"validation", {{"every", 5}, {"data", third}}}};
  const Json found = check_of(training);
  EXPECT_EQ(found.at("problems"), Json::array());
  EXPECT_EQ(found.at("planes"), 4);
  EXPECT_EQ(found.at("volumes").size(), 3U);
  EXPECT_EQ(found.at("classes").at(1).at("name"), "half");

  const Json same{{"classes", {"half"}},
                  {"data", first},
                  {"more_data", Json::array({second})},
                  {"validation", third}};
  EXPECT_EQ(check_of(same).at("digest"), found.at("digest"));
  EXPECT_NE(check_of({{"classes", {"half"}}, {"data", first}}).at("digest"), found.at("digest"));
}

TEST(CheckCommand, FindsAHeldOutImageInAnyOfSeveralDataSets) {
  const testing::TempFolder folder;
  const Json first = data_of(folder / "first", 0);
  const Json second = data_of(folder / "second", 1);
  const Json found =
      check_of(Json{{"data", first}, {"more_data", Json::array({second})}, {"validation", second}});
  EXPECT_EQ(found.at("problems").size(), 2U) << found.dump(1);  // one for each plane
}

std::string usage_of_check(const Json& given) {
  try {
    check_of(given);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "checked";
}

TEST(CheckCommand, WithoutImagesItIsUsedWrongly) {
  ASSERT_FALSE(fs::exists("images"));
  EXPECT_THAT(usage_of_check(Json::object()), ::testing::HasSubstr("no images"));
  EXPECT_THAT(usage_of_check({{"preset", "retina-tiny"}, {"classes", {"half"}}}),
              ::testing::HasSubstr("no images"));
}

TEST(CheckCommand, HeldOutImagesAndMasksAreGivenTogether) {
  const testing::TempFolder folder;
  const Json data = data_of(folder / "first", 0);
  Json given = data;
  given["validation_images"] = data.at("images");
  EXPECT_THAT(usage_of_check(given),
              ::testing::HasSubstr("validation: validation_images without validation_masks"));
  given = data;
  given["validation_masks"] = data.at("masks");
  EXPECT_THAT(usage_of_check(given),
              ::testing::HasSubstr("validation: validation_masks without validation_images"));
}

TEST(CheckCommand, RefusesWhatNeitherVerbKnows) {
  EXPECT_THROW(check_of({{"preset", "retina-tiny"}, {"stepz", 3}}), Error);
  EXPECT_THROW(check_of({{"stepz", 3}}), Error);
}

}  // namespace
}  // namespace retina::cli
