#include "retina/store/open.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/pack/pack.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string message_of_open(const std::string& path) {
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(Open, NamesAMissingPath) {
  EXPECT_THAT(message_of_open("/nowhere/image.png"),
              ::testing::AllOf(::testing::HasSubstr("/nowhere/image.png"),
                               ::testing::HasSubstr("no such file")));
}

TEST(Open, ListsTheFormatsForAnUnknownFile) {
  const testing::TempFolder folder;
  std::ofstream(folder / "notes.txt") << "hello";
  const std::string message = message_of_open((folder / "notes.txt").string());
  for (const std::string& name : format_names()) {
    EXPECT_THAT(message, ::testing::HasSubstr(name));
  }
}

TEST(Open, RefusesAFolderWithoutImages) {
  const testing::TempFolder folder;
  EXPECT_THAT(message_of_open(folder.path().string()), ::testing::HasSubstr("without any image"));
}

TEST(Open, VoxelSizeOfTheUserWins) {
  const testing::TempFolder folder;
  PackItem item;
  item.name = "a";
  item.image = core::in_memory(core::Array(core::DType::u8, 1, {2, 3, 4}), core::Vec3d{9, 9, 9});
  write_pack((folder / "p").string(), std::vector<PackItem>{item}, {}, core::silent_context());
  OpenOptions options;
  options.voxel_nm = core::Vec3d{30, 5, 5};
  const auto volume = open((folder / "p").string(), options);
  EXPECT_EQ(volume->info().voxel_nm, options.voxel_nm);
  EXPECT_THAT(volume->info().voxel_nm_source, ::testing::HasSubstr("user"));
}

TEST(Create, ReportsAllProblemsOfTheOptions) {
  CreateOptions options;
  options.channels = 0;
  try {
    create("/nowhere/x.zarr", options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("shape"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("channels"));
  }
}

TEST(Create, RefusesAnUnknownExtension) {
  CreateOptions options;
  options.shape = {1, 2, 3};
  EXPECT_THROW(create("/nowhere/x.docx", options), Error);
}

}  // namespace
}  // namespace retina::store
