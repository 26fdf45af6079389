#include "retina/store/image_folder/image_folder_writer.h"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(ImageFolderWriter, KeepsTheNamesGiven) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.slice_names = {"cell_07", "cell_09"};
  create((folder / "out").string(), options)->finish();
  EXPECT_TRUE(std::filesystem::exists(folder / "out/cell_07.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "out/cell_09.png"));
}

TEST(ImageFolderWriter, NumbersSlicesWithoutNames) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  create((folder / "out").string(), options)->finish();
  EXPECT_TRUE(std::filesystem::exists(folder / "out/0001.png"));
}

TEST(ImageFolderWriter, RefusesNamesThatCollideOrEscape) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.slice_names = {"a", "a"};
  EXPECT_THROW(create((folder / "out").string(), options), Error);
  options.slice_names = {"a", "../b"};
  EXPECT_THROW(create((folder / "out").string(), options), Error);
}

TEST(ImageFolderWriter, RefusesWhatPngCannotHold) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.dtype = core::DType::u32;
  EXPECT_THROW(create((folder / "out").string(), options), Error);
  options.dtype = core::DType::u8;
  EXPECT_THROW(create((folder / "out.png").string(), options), Error);
}

TEST(ImageFolderWriter, ReplacesFoldersOfPngFilesAlone) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.overwrite = true;
  const std::string path = (folder / "out").string();
  create(path, options)->finish();
  create(path, options)->finish();
  std::filesystem::create_directories(folder / "out/mine.png");  // a folder of that name
  EXPECT_THROW(create(path, options), Error);
  EXPECT_TRUE(std::filesystem::exists(folder / "out/mine.png"));
}

std::vector<FormatCase> image_folder_cases() {
  return {{.name = "U8", .extension = ""},
          {.name = "U16", .extension = "", .dtype = core::DType::u16},
          {.name = "Colour", .extension = "", .channels = 3}};
}

INSTANTIATE_TEST_SUITE_P(ImageFolder, StoreReading, ::testing::ValuesIn(image_folder_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(ImageFolder, StoreWriting, ::testing::ValuesIn(image_folder_cases()),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(ImageFolder, StoreAnyOrder, ::testing::ValuesIn(image_folder_cases()),
                         name_of_case);

}  // namespace
}  // namespace retina::store
