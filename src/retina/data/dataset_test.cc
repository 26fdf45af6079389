#include "retina/data/dataset.h"

#include <limits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::data {
namespace {

using ::testing::HasSubstr;

/// A volume whose voxel (z,y,x) is 100z + 10y + x (as u8).
core::Array coordinates(const core::Vec3& shape) {
  core::Array array(core::DType::u8, 1, shape);
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      for (std::int64_t x = 0; x < shape[2]; ++x) {
        array.at<std::uint8_t>(0, z, y, x) = static_cast<std::uint8_t>(100 * z + 10 * y + x);
      }
    }
  }
  return array;
}

Dataset one_volume(core::Array image, core::Array labels) {
  Dataset dataset;
  dataset.volumes.push_back({.name = "v",
                             .image = core::in_memory(std::move(image)),
                             .labels = core::in_memory(std::move(labels)),
                             .range = {}});
  return dataset;
}

core::Array labels_of(const core::Vec3& shape, std::vector<std::uint8_t> values) {
  core::Array array(core::DType::u8, 1, shape);
  std::copy(values.begin(), values.end(), array.values<std::uint8_t>().begin());
  return array;
}

std::vector<std::uint8_t> bytes_of(const core::Array& array) {
  const auto values = array.values<std::uint8_t>();
  return {values.begin(), values.end()};
}

TEST(Dataset, PlanesAreCutAcrossTheirAxis) {
  const core::Vec3 shape{2, 3, 4};
  const Dataset dataset = one_volume(coordinates(shape), core::Array(core::DType::u8, 1, shape));
  const core::Array xz = read_image(dataset, {.volume = 0, .axis = 1, .index = 2});
  EXPECT_EQ(xz.shape(), (core::Vec3{1, 2, 4}));
  EXPECT_EQ(bytes_of(xz), (std::vector<std::uint8_t>{20, 21, 22, 23, 120, 121, 122, 123}));
  const core::Array yz = read_image(dataset, {.volume = 0, .axis = 2, .index = 3});
  EXPECT_EQ(yz.shape(), (core::Vec3{1, 2, 3}));
  EXPECT_EQ(bytes_of(yz), (std::vector<std::uint8_t>{3, 13, 23, 103, 113, 123}));
}

TEST(Dataset, APlaneTellsHowManyStoredPixelsAreNotFinite) {
  core::Array image(core::DType::f32, 1, {2, 3, 4});
  image.at<float>(0, 1, 0, 2) = std::numeric_limits<float>::quiet_NaN();
  image.at<float>(0, 1, 2, 3) = std::numeric_limits<float>::infinity();
  const Dataset dataset = one_volume(std::move(image), core::Array(core::DType::u8, 1, {2, 3, 4}));
  EXPECT_EQ(read_plane(dataset, {.volume = 0, .axis = 0, .index = 0}).non_finite, 0);
  EXPECT_EQ(read_plane(dataset, {.volume = 0, .axis = 0, .index = 1}).non_finite, 2);
  EXPECT_EQ(read_plane(dataset, {.volume = 0, .axis = 2, .index = 2}).non_finite, 1);
}

TEST(Dataset, OnlyVolumesWithSlicesAreUsed) {
  Dataset dataset = *memory_dataset(3, 4);
  dataset.volumes.push_back(dataset.volumes.front());
  dataset.volumes.push_back(dataset.volumes.front());
  dataset.slices.push_back({.volume = 4});
  EXPECT_EQ(volumes_used(dataset), (std::vector<int>{0, 1, 2, 4}));
  EXPECT_TRUE(voxel_sizes_used(dataset).empty());
  dataset.slices.push_back({.volume = 4});
  EXPECT_EQ(distinct(dataset.slices).size() + 1, dataset.slices.size());
}

TEST(Dataset, EveryNthPlaneIsTaken) {
  const auto slices = slices_across({7, 3, 4}, 2, 0, 3);
  ASSERT_EQ(slices.size(), 3U);
  EXPECT_EQ(slices[2], (Slice{.volume = 2, .axis = 0, .index = 6}));
}

TEST(Dataset, LabelMapGivesClassIdsAndIgnoredPixels) {
  const core::Vec3 shape{1, 1, 4};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 7, 9, 7}));
  dataset.label_map = {.values = {{0, 0}, {7, 2}}, .ignore_value = 9, .class_count = 3};
  EXPECT_EQ(bytes_of(read_plane(dataset, {}).labels),
            (std::vector<std::uint8_t>{0, 2, kIgnore, 2}));
}

TEST(Dataset, MaskOf0And255IsReadAs0And1) {
  const core::Vec3 shape{1, 1, 3};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 255, 0}));
  dataset.label_map.class_count = 2;
  EXPECT_EQ(bytes_of(read_plane(dataset, {}).labels), (std::vector<std::uint8_t>{0, 1, 0}));
}

TEST(Dataset, IsTwoValuedWhereItHoldsOnly0And255AndNoMapSaysWhatTheyMean) {
  const core::Vec3 shape{2, 1, 3};
  const auto is_mask = [&](std::vector<std::uint8_t> values, const LabelMap& map = {}) {
    Dataset dataset = one_volume(coordinates(shape), labels_of(shape, std::move(values)));
    dataset.label_map = map;
    return is_two_valued(dataset, slices_across(shape, 0, 0, 1));
  };
  EXPECT_TRUE(is_mask({0, 0, 0, 0, 255, 0}));
  EXPECT_FALSE(is_mask({0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(is_mask({0, 1, 0, 0, 255, 0}));
  EXPECT_FALSE(is_mask({0, 0, 0, 0, 255, 0}, {.values = {}, .ignore_value = 255}));
  EXPECT_FALSE(is_mask({0, 0, 0, 0, 255, 0}, {.values = {{0, 0}, {255, 2}}, .ignore_value = {}}));
}

TEST(Dataset, Value255IsIgnoredWhereTheMapSaysSo) {
  const core::Vec3 shape{1, 1, 3};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 255, 0}));
  dataset.label_map = {.values = {}, .ignore_value = 255, .class_count = 2};
  EXPECT_EQ(bytes_of(read_plane(dataset, {}).labels), (std::vector<std::uint8_t>{0, kIgnore, 0}));
}

TEST(Dataset, Value255IsNoClassWhereThereAreSeveral) {
  const core::Vec3 shape{1, 1, 3};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 255, 0}));
  dataset.label_map.class_count = 3;
  EXPECT_THROW(read_plane(dataset, {}), Error);
}

TEST(Dataset, UnknownLabelValueIsNamedWithItsPlace) {
  const core::Vec3 shape{2, 2, 2};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 1, 0, 0, 0, 0, 5, 0}));
  dataset.label_map.class_count = 2;
  EXPECT_NO_THROW(read_plane(dataset, {.volume = 0, .axis = 0, .index = 0}));
  try {
    read_plane(dataset, {.volume = 0, .axis = 0, .index = 1});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("label value 5 at z=1, y=1, x=0"));
  }
}

TEST(Dataset, ImagesOfOtherTypesAreMappedByTheRangeOfTheirVolume) {
  core::Array image(core::DType::u16, 1, {1, 1, 3});
  image.values<std::uint16_t>()[1] = 1500;
  image.values<std::uint16_t>()[2] = 2000;
  Dataset dataset = one_volume(std::move(image), core::Array(core::DType::u8, 1, {1, 1, 3}));
  dataset.volumes[0].range = {.low = 1000, .high = 2000};
  EXPECT_EQ(bytes_of(read_image(dataset, {})), (std::vector<std::uint8_t>{0, 128, 255}));
}

TEST(Dataset, ColourImagesAreRefused) {
  Dataset dataset = one_volume(core::Array(core::DType::u8, 3, {1, 2, 2}),
                               core::Array(core::DType::u8, 1, {1, 2, 2}));
  EXPECT_THROW(read_plane(dataset, {}), Error);
}

/// The same values with rows that are stored apart.
std::shared_ptr<core::Volume> with_chunk(core::Array values, const core::Vec3& chunk) {
  core::VolumeInfo info;
  info.shape = values.shape();
  info.dtype = values.dtype();
  info.chunk = chunk;
  return std::make_shared<core::ArrayVolume>(info, std::move(values));
}

TEST(Dataset, BandsAreThePlaneInParts) {
  const core::Vec3 shape{3, 8, 5};
  core::Array mask = coordinates(shape);
  for (std::uint8_t& value : mask.values<std::uint8_t>()) {
    value = value > 150 ? 255 : 0;
  }
  Dataset dataset;
  dataset.label_map.class_count = 2;
  dataset.volumes.push_back({.name = "v",
                             .image = with_chunk(coordinates(shape), {1, 2, 5}),
                             .labels = with_chunk(std::move(mask), {1, 3, 5}),
                             .range = {}});
  const LabelledVolume& volume = dataset.volumes.front();
  for (const Slice slice : {Slice{0, 0, 1}, Slice{0, 1, 4}, Slice{0, 2, 3}}) {
    const LabelledPlane plane = read_plane(dataset, slice);
    const LabelMap map = map_of_plane(dataset.label_map, count_labels(volume, slice));
    std::vector<std::uint8_t> pixels;
    for (const core::Box3& band : bands_of(*volume.image, slice, 10)) {
      const auto part = bytes_of(read_image_part(dataset, slice, band).image);
      EXPECT_LE(part.size(), 10U);
      pixels.insert(pixels.end(), part.begin(), part.end());
    }
    EXPECT_EQ(pixels, bytes_of(plane.image));
    std::vector<std::uint8_t> ids;
    for (const core::Box3& band : bands_of(*volume.labels, slice, 1)) {
      const auto part = bytes_of(read_label_part(map, *volume.labels, slice, band));
      ids.insert(ids.end(), part.begin(), part.end());
    }
    EXPECT_EQ(ids, bytes_of(plane.labels));
  }
  EXPECT_EQ(bands_of(*volume.labels, {0, 0, 1}, 1).size(), 3U) << "whole chunks: 3, 3 and 2 rows";
  EXPECT_EQ(bands_of(*with_chunk(coordinates(shape), {1, 0, 0}), {0, 0, 1}, 1).size(), 1U);
}

TEST(Dataset, Value255IsUnknownInEveryPartOfAPlaneThatHoldsAnotherClass) {
  const core::Vec3 shape{1, 3, 1};
  Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 1, 255}));
  dataset.label_map.class_count = 2;
  const LabelledVolume& volume = dataset.volumes.front();
  const LabelMap map = map_of_plane(dataset.label_map, count_labels(volume, {}));
  EXPECT_EQ(bytes_of(read_label_part(map, *volume.labels, {}, {{0, 0, 0}, {1, 2, 1}})),
            (std::vector<std::uint8_t>{0, 1}));
  EXPECT_THROW(read_label_part(map, *volume.labels, {}, {{0, 2, 0}, {1, 1, 1}}), Error)
      << "though this part alone holds nothing but 255";
}

TEST(Dataset, CensusCountsStoredValues) {
  const core::Vec3 shape{1, 2, 3};
  const Dataset dataset = one_volume(coordinates(shape), labels_of(shape, {0, 0, 4, 4, 4, 9}));
  const LabelCensus census = count_labels(dataset.volumes[0], {});
  EXPECT_EQ(census.counts,
            (std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 2}, {4, 3}, {9, 1}}));
}

}  // namespace
}  // namespace retina::data
