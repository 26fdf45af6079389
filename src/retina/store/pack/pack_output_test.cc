#include "retina/store/pack/pack_output.h"

#include <vector>

#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::vector<FormatCase> pack_cases() {
  return {{.name = "OneChannel", .extension = ".pack"},
          {.name = "Channels", .extension = ".pack", .channels = 3}};
}

INSTANTIATE_TEST_SUITE_P(Pack, StoreReading, ::testing::ValuesIn(pack_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Pack, StoreWriting, ::testing::ValuesIn(pack_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Pack, StoreAnyOrder, ::testing::ValuesIn(pack_cases()), name_of_case);

TEST(PackOutput, KeepsVoxelSizeAndOffset) {
  const testing::TempFolder folder;
  const std::string path = (folder / "labels.pack").string();
  CreateOptions options;
  options.shape = {2, 3, 4};
  options.voxel_nm = core::Vec3d{30, 8, 8};
  options.offset_nm = {90, 16, 0};
  create(path, options)->finish();
  const auto volume = open(path);
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{30, 8, 8}));
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{90, 16, 0}));
}

TEST(PackOutput, RefusesOtherTypes) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 2, 2};
  options.dtype = core::DType::u16;
  EXPECT_THROW(create((folder / "a.pack").string(), options), Error);
}

}  // namespace
}  // namespace retina::store
