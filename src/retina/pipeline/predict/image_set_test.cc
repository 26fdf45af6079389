#include "retina/pipeline/predict/image_set.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/volume.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(ImageSet, ListsImagesInNaturalOrder) {
  const retina::testing::TempFolder folder;
  for (const char* name : {"img10.png", "img2.TIF", "notes.txt", ".hidden.png"}) {
    core::write_atomically(folder / name, std::string_view("x"));
  }
  const auto images = images_of_set(folder.path().string());
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].path, (folder / "img2.TIF").string());
  EXPECT_EQ(images[1].stem, "img10");
}

TEST(ImageSet, AZarrFolderIsNoSetOfImages) {
  const retina::testing::TempFolder folder;
  core::write_atomically(folder / "zarr.json", std::string_view("{}"));
  core::write_atomically(folder / "thumbnail.png", std::string_view("x"));
  EXPECT_TRUE(images_of_set(folder.path().string()).empty());
  EXPECT_TRUE(images_of_set((folder / "absent").string()).empty());
}

TEST(ImageSet, ItemsOfAPackAreASetUnlessItHasOne) {
  const retina::testing::TempFolder folder;
  std::vector<store::PackItem> items;
  for (const char* name : {"a.png", "set/b", "c.8nm z=3"}) {
    store::PackItem item;
    item.name = name;
    item.image = core::in_memory(core::Array(core::DType::u8, 1, {1, 4, 5}));
    items.push_back(std::move(item));
  }
  const std::string path = (folder / "p").string();
  store::write_pack(path, items, {}, core::silent_context());
  const auto images = images_of_set(path);
  ASSERT_EQ(images.size(), 3U);
  EXPECT_EQ(images[0].stem, "a");
  EXPECT_EQ(images[1].stem, "set_b");
  EXPECT_EQ(images[2].stem, "c.8nm z=3");
  EXPECT_EQ(images[1].name, "set/b");
  EXPECT_EQ(images[1].path, path + ":set/b");
  const auto volume = images[1].open({.voxel_nm = core::Vec3d{40, 4, 4}, .axes = {}});
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_TRUE(images_of_set(path + ":set/b").empty());
  items.resize(1);
  store::write_pack((folder / "one").string(), items, {}, core::silent_context());
  EXPECT_TRUE(images_of_set((folder / "one").string()).empty());
}

}  // namespace
}  // namespace retina::pipeline
