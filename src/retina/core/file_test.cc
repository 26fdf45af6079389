#include "retina/core/file.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retina/core/error.h"
#include "retina/core/lost_mapping.h"
#include "retina/testing/temp_folder.h"

namespace retina::core {
namespace {

TEST(File, AtomicWriteReplacesAndLeavesNoPartialFile) {
  const testing::TempFolder folder;
  write_atomically(folder / "a.txt", "one");
  write_atomically(folder / "a.txt", "two");
  EXPECT_EQ(read_text(folder / "a.txt"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(File, RenameIntoPlaceReplacesAFolder) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "old");
  write_atomically(folder / "old/x", "1");
  fs::create_directories(folder / "new");
  write_atomically(folder / "new/y", "2");
  rename_into_place(folder / "new", folder / "old");
  EXPECT_TRUE(fs::exists(folder / "old/y"));
  EXPECT_FALSE(fs::exists(folder / "old/x"));
}

TEST(FileDeathTest, AMappedFileThatShrinksEndsWithAMessage) {
  const testing::TempFolder folder;
  write_atomically(folder / "big", std::string(20000, 'x'));
  const auto shrink_and_read = [&] {
    explain_lost_mappings();
    const MappedFile file(folder / "big");
    fs::resize_file(folder / "big", 100);
    ::_exit(static_cast<int>(file.bytes()[16000]));
  };
  EXPECT_EXIT(shrink_and_read(), ::testing::ExitedWithCode(3), "big': it shrank");
}

TEST(File, MissingFileNamesItself) {
  try {
    read_text("/no/such/file.txt");
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_NE(std::string(error.what()).find("/no/such/file.txt"), std::string::npos);
  }
}

TEST(File, ReadingAFolderAsAFileSaysSo) {
  const testing::TempFolder folder;
  EXPECT_THROW(read_text(folder.path()), Error);
}

TEST(File, APipeIsNotWaitedFor) {
  const testing::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_text(folder / "pipe"), Error);
  EXPECT_THROW(MappedFile(folder / "pipe"), Error);
}

TEST(File, BrokenJsonNamesTheFile) {
  const testing::TempFolder folder;
  write_atomically(folder / "a.json", "{\"a\": ");
  EXPECT_THROW(read_json(folder / "a.json"), Error);
}

TEST(File, NaturalOrderComparesDigitRunsByValue) {
  std::vector<std::string> names{"img10", "img2", "img002b", "a", "img1"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "img1", "img2", "img002b", "img10"}));
}

TEST(File, ListFilesSkipsHiddenFilesAndFoldersAndFollowsLinks) {
  const testing::TempFolder folder;
  write_atomically(folder / "b2.png", "x");
  write_atomically(folder / ".hidden", "x");
  fs::create_directories(folder / "sub");
  fs::create_symlink(folder / "b2.png", folder / "b10.png");
  const auto files = list_files(folder.path());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].filename(), "b2.png");
}

TEST(File, SizesParseWithUnits) {
  EXPECT_EQ(parse_size("4096"), 4096);
  EXPECT_EQ(parse_size("2GiB"), 2LL << 30);
  EXPECT_EQ(parse_size("1.5G"), 3LL << 29);
  EXPECT_THROW(parse_size("two"), Error);
  EXPECT_THROW(parse_size("-1"), Error);
  EXPECT_EQ(format_size(1536), "1.5 KiB");
}

TEST(File, MappedFileShowsTheBytes) {
  const testing::TempFolder folder;
  write_atomically(folder / "a", "abc");
  const MappedFile mapped(folder / "a");
  ASSERT_EQ(mapped.bytes().size(), 3U);
  EXPECT_EQ(mapped.bytes()[2], std::byte{'c'});
  write_atomically(folder / "empty", "");
  EXPECT_TRUE(MappedFile(folder / "empty").bytes().empty());
}

TEST(File, PeakMemoryIsPlausible) {
  EXPECT_GT(peak_rss_bytes(), 1 << 20);
}

TEST(File, AFileNeverTakesThePlaceOfAFolder) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "report/kept");
  EXPECT_THROW(write_atomically(folder / "report", "text"), Error);
  EXPECT_TRUE(std::filesystem::exists(folder / "report/kept"));
  EXPECT_FALSE(std::filesystem::exists(partial_path(folder / "report")));
}

}  // namespace
}  // namespace retina::core
