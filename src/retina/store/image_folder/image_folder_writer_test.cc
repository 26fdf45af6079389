#include "retina/store/image_folder/image_folder_writer.h"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/store/png/png.h"
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

TEST(ImageFolderWriter, AnUnfinishedSliceThatIsAnotherImageIsBadData) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.resume_key = "plan";
  const std::string path = (folder / "out").string();
  create(path, options).reset();  // as a killed process leaves it
  for (const core::DType dtype : {core::DType::u8, core::DType::u16}) {
    core::write_atomically(folder / ".out.partial/0000.png",
                           encode_png(core::Array(dtype, 1, {1, 5, 4}), 0));
    const auto output = create(path, options);
    EXPECT_TRUE(output->is_written({{0, 0, 0}, {1, 3, 4}}));
    try {
      output->read(core::whole(options.shape));
      FAIL() << core::name_of(dtype);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    }
    EXPECT_THROW(output->write({{0, 0, 0}, {1, 1, 4}}, core::Array(core::DType::u8, 1, {1, 1, 4})),
                 Error);
  }
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
