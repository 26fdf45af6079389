#include "retina/store/source_identity.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

namespace fs = std::filesystem;

core::VolumeInfo identity_info(const fs::path& source) {
  core::VolumeInfo info;
  info.source = source.string();
  info.format = "raw";
  info.shape = {2, 3, 4};
  return info;
}

void save_identity_file(const fs::path& file, std::string_view text) {
  core::write_atomically(file, text);
}

void make_identity_file_older(const fs::path& file) {
  fs::last_write_time(file, fs::last_write_time(file) - std::chrono::hours(1));
}

TEST(SourceIdentity, AVolumeInMemoryIsToldByHowItWasRead) {
  const core::VolumeInfo info = identity_info("memory");
  core::VolumeInfo other = info;
  EXPECT_EQ(source_identity(info), source_identity(other));
  other.axes = "yxz";
  EXPECT_NE(source_identity(info), source_identity(other));
  other = info;
  other.voxel_nm = core::Vec3d{40, 4, 4};
  EXPECT_NE(source_identity(info), source_identity(other));
}

TEST(SourceIdentity, AFileThatWasReplacedIsAnotherInput) {
  const testing::TempFolder folder;
  const core::VolumeInfo info = identity_info(folder / "a.raw");
  save_identity_file(folder / "a.raw", "12");
  const Json first = source_identity(info);
  EXPECT_EQ(source_identity(info), first);
  make_identity_file_older(folder / "a.raw");
  EXPECT_NE(source_identity(info), first);
  save_identity_file(folder / "a.raw", "123");
  EXPECT_NE(source_identity(info), first);
}

TEST(SourceIdentity, AContainerIsToldByTheFilesThatDescribeIt) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "a.zarr/labels/x");
  save_identity_file(folder / "a.zarr/zarr.json", "{}");
  save_identity_file(folder / "a.zarr/labels/x/zarr.json", "{}");
  const Json first = source_identity(identity_info(folder / "a.zarr"));
  const Json inner = source_identity(identity_info((folder / "a.zarr").string() + ":labels/x"));
  save_identity_file(folder / "a.zarr/chunk", "1");
  make_identity_file_older(folder / "a.zarr/labels/x/zarr.json");
  EXPECT_EQ(source_identity(identity_info(folder / "a.zarr")), first);
  EXPECT_NE(source_identity(identity_info((folder / "a.zarr").string() + ":labels/x")), inner);
  make_identity_file_older(folder / "a.zarr/zarr.json");
  EXPECT_NE(source_identity(identity_info(folder / "a.zarr")), first);
}

TEST(SourceIdentity, AFolderOfSlicesIsToldByAllItsFiles) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "slices");
  save_identity_file(folder / "slices/1.png", "1");
  save_identity_file(folder / "slices/2.png", "2");
  const Json first = source_identity(identity_info(folder / "slices"));
  EXPECT_EQ(source_identity(identity_info(folder / "slices")), first);
  make_identity_file_older(folder / "slices/2.png");
  EXPECT_NE(source_identity(identity_info(folder / "slices")), first);
}

TEST(InputFiles, TellWhichOneHasChanged) {
  const testing::TempFolder folder;
  InputFiles files;
  for (const char* name : {"a.raw", "b.raw"}) {
    save_identity_file(folder / name, "12");
    files.add((folder / name).string());
  }
  files.add("memory");
  EXPECT_FALSE(files.change(InputFiles::Rerun::afresh));
  EXPECT_NO_THROW(files.require_unchanged(InputFiles::Rerun::continued));
  make_identity_file_older(folder / "b.raw");
  files.add((folder / "b.raw").string());  // again: the first word counts
  const std::optional<Problem> changed = files.change(InputFiles::Rerun::afresh);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->subject, "'" + (folder / "b.raw").string() + "'");
  EXPECT_EQ(changed->remedy.find("--overwrite"), std::string::npos);
  EXPECT_THROW(files.require_unchanged(InputFiles::Rerun::continued), Error);
  std::filesystem::remove(folder / "a.raw");
  EXPECT_EQ(files.change(InputFiles::Rerun::afresh)->subject,
            "'" + (folder / "a.raw").string() + "'");
}

}  // namespace
}  // namespace retina::store
