#include "retina/pipeline/evaluate/label_pairs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Pairing looks at names only: empty files are enough.
void touch(const std::filesystem::path& file) {
  std::filesystem::create_directories(file.parent_path());
  core::write_atomically(file, std::string_view("x"));
}

TEST(LabelPairs, MatchNamesWhateverTheExtensionInNaturalOrder) {
  const testing::TempFolder folder;
  for (const char* name : {"p/a10.png", "p/a2.ome.tif", "t/a2.png", "t/a10.tiff", "t/notes.txt"}) {
    touch(folder / name);
  }
  const auto pairs =
      find_label_pairs({.prediction = (folder / "p").string(), .truth = (folder / "t").string()});
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].name, "a2");
  EXPECT_EQ(pairs[1].name, "a10");
}

TEST(LabelPairs, ListAllImagesWithoutPartnerInOneError) {
  const testing::TempFolder folder;
  for (const char* name : {"p/a.png", "p/b.png", "p/c.png", "t/b.png", "t/d.png", "t/e.png"}) {
    touch(folder / name);
  }
  try {
    find_label_pairs({.prediction = (folder / "p").string(), .truth = (folder / "t").string()});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    for (const char* name : {"a.png", "c.png", "d.png", "e.png"}) {
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
    EXPECT_THAT(error.what(), Not(HasSubstr("b.png")));
  }
}

TEST(LabelPairs, OfAFolderAndAVolumeSuggestTheVolumeFlag) {
  const testing::TempFolder folder;
  touch(folder / "p/a.png");
  touch(folder / "t.zarr/zarr.json");
  const LabelPairOptions options{.prediction = (folder / "p").string(),
                                 .truth = (folder / "t.zarr").string()};
  try {
    find_label_pairs(options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("--volume"));
  }
}

TEST(LabelPairs, NameThePathThatIsNotThere) {
  const testing::TempFolder folder;
  touch(folder / "t/a.png");
  for (const auto folders : {FolderMeaning::images, FolderMeaning::volume}) {
    try {
      find_label_pairs({.prediction = (folder / "nope").string(),
                        .truth = (folder / "t").string(),
                        .folders = folders});
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_THAT(error.what(), HasSubstr("nope: no such file or folder"));
    }
  }
}

TEST(LabelPairs, OfFoldersAreOnePairWhereAFolderIsAVolume) {
  const testing::TempFolder folder;
  touch(folder / "p/a.png");
  touch(folder / "t/b.png");
  EXPECT_EQ(find_label_pairs({.prediction = (folder / "p").string(),
                              .truth = (folder / "t").string(),
                              .folders = FolderMeaning::volume})
                .size(),
            1U);
}

}  // namespace
}  // namespace retina::pipeline
