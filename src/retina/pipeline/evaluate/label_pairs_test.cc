#include "retina/pipeline/evaluate/label_pairs.h"

#include <cstdint>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/progress.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/bad_data.h"
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

core::Array one_pixel(std::uint8_t value) {
  core::Array plane(core::DType::u8, 1, {1, 1, 1});
  plane.values<std::uint8_t>()[0] = value;
  return plane;
}

store::PackItem item_of(const std::string& name, std::uint8_t pixel,
                        std::optional<std::uint8_t> label = std::nullopt) {
  store::PackItem item;
  item.name = name;
  item.image = core::in_memory(one_pixel(pixel));
  if (label) {
    item.labels = core::in_memory(one_pixel(*label));
  }
  return item;
}

std::uint8_t value_of(const std::shared_ptr<const core::Volume>& volume) {
  return volume->read(core::whole({1, 1, 1})).values<std::uint8_t>()[0];
}

TEST(LabelPairs, ItemsOfPacksAreImages) {
  const testing::TempFolder folder;
  const std::string predicted = (folder / "p.pack").string();
  const std::string truth = (folder / "t.pack").string();
  const std::vector<store::PackItem> results{item_of("set/b.png", 7), item_of("a z=3", 8)};
  const std::vector<store::PackItem> labelled{item_of("a z=3", 100, 8),
                                              item_of("set/b.png", 99, 6)};
  store::write_pack(predicted, results, {}, core::silent_context());
  store::write_pack(truth, labelled, {}, core::silent_context());
  const auto pairs = find_label_pairs({.prediction = predicted, .truth = truth});
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].name, "a z=3");
  EXPECT_EQ(value_of(pairs[0].prediction()), 8) << "of a pack without labels its images";
  EXPECT_EQ(value_of(pairs[0].truth()), 8) << "of a pack with labels these";
  EXPECT_EQ(value_of(pairs[1].prediction()), 7);
  EXPECT_EQ(value_of(pairs[1].truth()), 6);
  touch(folder / "files/set_b.png");
  touch(folder / "files/a z=3.png");
  EXPECT_EQ(find_label_pairs({.prediction = (folder / "files").string(), .truth = truth}).size(),
            2U)
      << "the names that predict gives the files of such a pack";
}

TEST(LabelPairs, ItemsWithoutLabelsAmongOthersAreListed) {
  const testing::TempFolder folder;
  const std::string pack = (folder / "t.pack").string();
  const std::vector<store::PackItem> items{item_of("a", 1, 1), item_of("b", 1), item_of("c", 1)};
  store::write_pack(pack, items, {}, core::silent_context());
  touch(folder / "p/a.png");
  const std::string message = testing::bad_data_message(
      [&] { find_label_pairs({.prediction = (folder / "p").string(), .truth = pack}); });
  EXPECT_THAT(message, HasSubstr("t.pack:b: no labels"));
  EXPECT_THAT(message, HasSubstr("t.pack:c: no labels"));
}

TEST(LabelPairs, APackOfOneItemIsAVolumeOrASet) {
  const testing::TempFolder folder;
  const std::string pack = (folder / "t.pack").string();
  const std::vector<store::PackItem> one{item_of("a", 100, 8)};
  store::write_pack(pack, one, {}, core::silent_context());
  touch(folder / "volume.tif");
  touch(folder / "files/a.png");
  for (const char* prediction : {"volume.tif", "files"}) {
    const auto pairs =
        find_label_pairs({.prediction = (folder / prediction).string(), .truth = pack});
    ASSERT_EQ(pairs.size(), 1U) << prediction;
    EXPECT_EQ(value_of(pairs[0].truth()), 8);
  }
  touch(folder / "two/a.png");
  touch(folder / "two/b.png");
  EXPECT_THROW(find_label_pairs({.prediction = (folder / "two").string(), .truth = pack}), Error);
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
