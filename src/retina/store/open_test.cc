#include "retina/store/open.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
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

TEST(Open, OneChannelIsReadAlone) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  core::Array values(core::DType::u8, 3, {4, 5, 6});
  std::iota(values.values<std::uint8_t>().begin(), values.values<std::uint8_t>().end(),
            std::uint8_t{0});
  const auto output = create(path, {.channels = 3, .shape = {4, 5, 6}});
  output->write(core::whole({4, 5, 6}), values);
  output->finish();
  const auto volume = open(path + ":c=1");
  EXPECT_EQ(volume->info().channels, 1);
  EXPECT_EQ(volume->info().axes, "zyx");
  EXPECT_EQ(volume->info().source, path + ":c=1");
  EXPECT_TRUE(volume->read(core::whole({4, 5, 6})) == core::channel_of(values, 1));
  EXPECT_EQ(volume->read({{2, 3, 4}, {2, 1, 1}}).at<std::uint8_t>(0, 1, 0, 0),
            values.at<std::uint8_t>(1, 3, 3, 4));
  EXPECT_THAT(message_of_open(path + ":c=3"), ::testing::HasSubstr("3 channel(s)"));
  EXPECT_THAT(list_datasets(path + ":c=1"), ::testing::ElementsAre(""));
  EXPECT_THROW(create(path + ":c=1", {.shape = {4, 5, 6}, .overwrite = true}), Error);
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

CreateOptions small_pack() {
  CreateOptions options;
  options.shape = {1, 2, 3};
  return options;
}

TEST(Create, ReplacesPacksAloneNotFoldersOfOtherThings) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  CreateOptions options = small_pack();
  create(path, options)->finish();
  options.overwrite = true;
  create(path, options)->finish();
  std::ofstream(folder / "a.pack/notes.txt") << "mine";
  EXPECT_THROW(create(path, options), Error);
  EXPECT_TRUE(std::filesystem::exists(folder / "a.pack/notes.txt"));
}

TEST(Create, RefusesAPlaceInsideWhatHoldsOneImage) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  create(path, small_pack())->finish();
  CreateOptions options = small_pack();
  options.overwrite = true;
  EXPECT_THROW(create(path + ":/b", options), Error);
}

TEST(Create, PutsBackWhatAKilledRunHadSetAside) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  create(path, small_pack())->finish();
  std::filesystem::rename(path, core::replaced_path(path));
  EXPECT_THROW(create(path, small_pack()), Error);
  EXPECT_EQ(open(path)->shape(), small_pack().shape);
}

TEST(Create, LooksWhatIsThereWhenNobodyElseWritesIt) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  create(path, small_pack())->finish();
  const core::OutputLock another(path);
  try {
    create(path, small_pack());
    FAIL() << "created";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

TEST(Create, RefusesChoicesThatWouldDoNothing) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.pack").string();
  CreateOptions options;
  options.shape = {1, 2, 3};
  options.chunk = {1, 2, 3};
  options.shard = {1, 2, 3};
  options.pyramid_levels = 2;
  options.compression = Compression::zstd;
  try {
    create(path, options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    for (const char* choice : {"chunk", "shard", "pyramid", "compression"}) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(std::string("a choice of ") + choice));
    }
  }
  CreateOptions older;
  older.shape = {1, 2, 3};
  older.zarr_version = ZarrVersion::v0_4;
  EXPECT_THROW(create(path, older), Error);
  CreateOptions automatic;
  automatic.shape = {1, 2, 3};
  automatic.pyramid_levels = -1;
  EXPECT_NO_THROW(create(path, automatic));
}

TEST(Open, AContainerIsNoFolderOfImages) {
  const testing::TempFolder folder;
  PackItem item;
  item.name = "a";
  item.image = core::in_memory(core::Array(core::DType::u8, 1, {2, 3, 4}));
  write_pack((folder / "p").string(), std::vector<PackItem>{item}, {}, core::silent_context());
  EXPECT_TRUE(is_container((folder / "p").string()));
  EXPECT_FALSE(is_container((folder / "p/images.bin").string()));
  EXPECT_FALSE(is_container(folder.path().string()));
  EXPECT_FALSE(is_container((folder / "absent").string()));
}

TEST(Create, RefusesAnUnknownExtension) {
  CreateOptions options;
  options.shape = {1, 2, 3};
  EXPECT_THROW(create("/nowhere/x.docx", options), Error);
}

}  // namespace
}  // namespace retina::store
