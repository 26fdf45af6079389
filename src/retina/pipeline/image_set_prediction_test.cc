#include "retina/pipeline/image_set_prediction.h"

#include <filesystem>
#include <string_view>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(ImageSetPrediction, ListsImagesInNaturalOrder) {
  const retina::testing::TempFolder folder;
  for (const char* name : {"img10.png", "img2.TIF", "notes.txt", ".hidden.png"}) {
    core::write_atomically(folder / name, std::string_view("x"));
  }
  const auto files = image_files(folder.path());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].filename(), "img2.TIF");
  EXPECT_EQ(files[1].filename(), "img10.png");
}

TEST(ImageSetPrediction, AZarrFolderIsNoSetOfImages) {
  const retina::testing::TempFolder folder;
  core::write_atomically(folder / "zarr.json", std::string_view("{}"));
  core::write_atomically(folder / "thumbnail.png", std::string_view("x"));
  EXPECT_TRUE(image_files(folder.path()).empty());
  EXPECT_TRUE(image_files(folder / "absent").empty());
}

}  // namespace
}  // namespace retina::pipeline
