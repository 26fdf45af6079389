#include "retina/data/volume_views.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::data {
namespace {

std::shared_ptr<const core::Volume> numbered_volume(const core::Vec3& shape) {
  core::Array values(core::DType::u8, 1, shape);
  std::uint8_t next = 0;
  for (std::uint8_t& value : values.values<std::uint8_t>()) {
    value = next++;
  }
  return core::in_memory(std::move(values), core::Vec3d{30, 20, 10});
}

std::vector<std::uint8_t> values_in(const core::Volume& volume, const core::Box3& box) {
  const core::Array values = volume.read(box);
  const auto bytes = values.values<std::uint8_t>();
  return {bytes.begin(), bytes.end()};
}

TEST(VolumeViews, PlaneKeepsRowsColumnsAndVoxelSizes) {
  const auto volume = numbered_volume({2, 3, 4});
  const auto across_y = plane_view(volume, {.volume = 0, .axis = 1, .index = 2});
  EXPECT_EQ(across_y->shape(), (core::Vec3{1, 2, 4}));
  EXPECT_EQ(across_y->info().voxel_nm, (core::Vec3d{20, 30, 10}));
  EXPECT_EQ(values_in(*across_y, {{0, 1, 1}, {1, 1, 2}}), (std::vector<std::uint8_t>{21, 22}));
  const auto across_x = plane_view(volume, {.volume = 0, .axis = 2, .index = 3});
  EXPECT_EQ(across_x->shape(), (core::Vec3{1, 2, 3}));
  EXPECT_EQ(across_x->info().voxel_nm, (core::Vec3d{10, 30, 20}));
  EXPECT_EQ(values_in(*across_x, {{0, 0, 1}, {1, 2, 2}}),
            (std::vector<std::uint8_t>{7, 11, 19, 23}));
  const auto across_z = plane_view(volume, {.volume = 0, .axis = 0, .index = 1});
  EXPECT_EQ(values_in(*across_z, {{0, 2, 0}, {1, 1, 4}}),
            (std::vector<std::uint8_t>{20, 21, 22, 23}));
}

TEST(VolumeViews, LabelsAreSeenAsClassIds) {
  const auto volume = numbered_volume({1, 2, 3});
  const LabelMap map{
      .values = {{0, 0}, {1, 2}, {2, 0}, {3, 1}, {4, 1}}, .ignore_value = 5, .class_count = 3};
  const auto classes = class_view(volume, map);
  EXPECT_EQ(classes->info().dtype, core::DType::u8);
  EXPECT_EQ(values_in(*classes, core::whole({1, 2, 3})),
            (std::vector<std::uint8_t>{0, 2, 0, 1, 1, kIgnore}));
}

TEST(VolumeViews, PlanesThatDecideWhat255MeansAreToBeReadWhole) {
  core::VolumeInfo info;
  info.shape = {2, 4, 4};
  info.chunk = {1, 2, 4};
  core::Array labels(core::DType::u8, 1, info.shape);
  labels.at<std::uint8_t>(0, 0, 2, 2) = 255;
  labels.at<std::uint8_t>(0, 1, 2, 2) = 1;
  const auto stored = std::make_shared<core::ArrayVolume>(info, std::move(labels));
  const auto decided = class_view(stored, {.values = {}, .ignore_value = {}, .class_count = 2});
  for (int axis = 0; axis < 3; ++axis) {
    EXPECT_EQ(bands_of(*decided, {.volume = 0, .axis = axis, .index = 0}, 1).size(), 1U) << axis;
  }
  EXPECT_EQ(values_in(*decided, {{0, 2, 1}, {2, 2, 2}}),
            (std::vector<std::uint8_t>{0, 1, 0, 0, 0, 1, 0, 0}))
      << "each plane by itself";
  const auto said =
      class_view(stored, {.values = {{0, 0}, {255, 1}}, .ignore_value = {}, .class_count = 2});
  EXPECT_EQ(said->info().chunk, info.chunk);
}

TEST(VolumeViews, UnknownLabelIsNamedWithItsPlaceInTheVolume) {
  const auto classes =
      class_view(numbered_volume({2, 2, 2}), {.values = {}, .ignore_value = {}, .class_count = 6});
  try {
    classes->read({{1, 1, 0}, {1, 1, 2}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("label value 6 at z=1, y=1, x=0"));
  }
}

}  // namespace
}  // namespace retina::data
