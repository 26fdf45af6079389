#include "retina/store/open_on_demand.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/open_file_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

void write_flat_image(const std::filesystem::path& path, const core::Vec3& shape,
                      std::uint8_t value) {
  core::Array values(core::DType::u8, 1, shape);
  std::fill(values.bytes().begin(), values.bytes().end(), std::byte{value});
  CreateOptions how;
  how.shape = shape;
  how.overwrite = true;
  const auto file = create(path.string(), how);
  file->write(core::whole(shape), values);
  file->finish();
}

int first_pixel_of(const core::Volume& image) {
  const core::Array values = image.read(core::whole(image.shape()));
  return values.values<std::uint8_t>()[0];
}

/// TIFF files of one page, image i filled with i % 4.
std::vector<std::string> write_flat_images(const std::filesystem::path& folder, int count) {
  std::vector<std::string> paths;
  for (int i = 0; i < count; ++i) {
    paths.push_back((folder / (std::to_string(i) + ".tif")).string());
    if (i < 4) {
      write_flat_image(paths.back(), {1, 8, 9}, static_cast<std::uint8_t>(i));
    } else {
      std::filesystem::copy_file(paths[static_cast<std::size_t>(i % 4)], paths.back());
    }
  }
  return paths;
}

std::vector<std::unique_ptr<core::Volume>> open_all_on_demand(
    const std::vector<std::string>& paths) {
  std::vector<std::unique_ptr<core::Volume>> images;
  for (const std::string& path : paths) {
    images.push_back(open_on_demand(path));
  }
  return images;
}

TEST(OpenOnDemand, ManyImagesHoldFewFilesOpen) {
  const testing::TempFolder folder;
  const std::vector<std::string> paths = write_flat_images(folder.path(), 120);
  const testing::OpenFileLimit limit(60);
  const auto images = open_all_on_demand(paths);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = 0; i < images.size(); ++i) {
      EXPECT_EQ(first_pixel_of(*images[i]), static_cast<int>(i % 4)) << paths[i];
    }
  }
}

TEST(OpenOnDemand, SeveralThreadsReadTheSameImages) {
  const testing::TempFolder folder;
  const auto images = open_all_on_demand(write_flat_images(folder.path(), 40));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&images] {
      for (std::size_t i = 0; i < images.size(); ++i) {
        EXPECT_EQ(first_pixel_of(*images[i]), static_cast<int>(i % 4)) << i;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST(OpenOnDemand, ItIsDescribedAsItIsOpened) {
  const testing::TempFolder folder;
  const std::string path = write_flat_images(folder.path(), 1).front();
  const OpenOptions how{.voxel_nm = core::Vec3d{40, 4, 4}, .axes = {}};
  const core::VolumeInfo expected = open(path, how)->info();
  const core::VolumeInfo found = open_on_demand(path, how)->info();
  EXPECT_EQ(found.source, expected.source);
  EXPECT_EQ(found.format, expected.format);
  EXPECT_EQ(found.shape, expected.shape);
  EXPECT_EQ(found.voxel_nm, expected.voxel_nm);
}

TEST(OpenOnDemand, AnImageThatChangedOrWentIsRefused) {
  const testing::TempFolder folder;
  const std::string path = write_flat_images(folder.path(), 1).front();
  const auto image = open_on_demand(path);
  write_flat_image(path, {1, 16, 18}, 1);
  try {
    first_pixel_of(*image);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(),
                ::testing::AllOf(::testing::HasSubstr(path), ::testing::HasSubstr("changed")));
  }
  std::filesystem::remove(path);
  EXPECT_THROW(first_pixel_of(*image), Error);
}

TEST(OpenOnDemand, AVolumeOfSeveralPlanesStaysOpen) {
  const testing::TempFolder folder;
  for (const std::int64_t planes : {1, 3}) {
    const std::string path = (folder / "a.nrrd").string();
    write_flat_image(path, {planes, 8, 9}, 7);
    const auto image = open_on_demand(path);
    std::filesystem::remove(path);
    if (planes == 1) {
      EXPECT_THROW(first_pixel_of(*image), Error);
    } else {
      EXPECT_EQ(first_pixel_of(*image), 7);
    }
  }
}

TEST(OpenOnDemand, OnlyFilesThatStayOpenAreClosed) {
  const testing::TempFolder folder;
  for (const char* name : {"a.tif", "a.nrrd", "a.png", "a.zarr", "a.pack"}) {
    write_flat_image(folder / name, {1, 8, 9}, 7);
  }
  EXPECT_TRUE(keeps_file_open((folder / "a.tif").string()));
  EXPECT_TRUE(keeps_file_open((folder / "a.nrrd").string()));
  EXPECT_FALSE(keeps_file_open((folder / "a.png").string()));
  EXPECT_FALSE(keeps_file_open((folder / "a.zarr").string()));
  EXPECT_FALSE(keeps_file_open((folder / "a.pack").string()));
}

}  // namespace
}  // namespace retina::store
