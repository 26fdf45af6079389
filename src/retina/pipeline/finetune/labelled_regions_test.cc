#include "retina/pipeline/finetune/labelled_regions.h"

#include <algorithm>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

struct KnownBox {
  std::int64_t z, y, x, height, width;
};

/// A stack of labels, 1 where x is even, known in the boxes alone.
data::LabelledVolume partly_known(const std::string& name, const core::Vec3& shape,
                                  const std::vector<KnownBox>& boxes) {
  core::Array labels(core::DType::u8, 1, shape);
  for (std::uint8_t& value : labels.values<std::uint8_t>()) {
    value = data::kIgnore;
  }
  for (const KnownBox& box : boxes) {
    for (std::int64_t y = box.y; y < box.y + box.height; ++y) {
      for (std::int64_t x = box.x; x < box.x + box.width; ++x) {
        labels.at<std::uint8_t>(0, box.z, y, x) = x % 2 == 0 ? 1 : 0;
      }
    }
  }
  return {.name = name,
          .image = core::in_memory(core::Array(core::DType::u8, 1, shape)),
          .labels = core::in_memory(std::move(labels)),
          .range = {}};
}

data::Dataset partly_known_dataset(std::vector<data::LabelledVolume> volumes) {
  data::Dataset dataset;
  dataset.volumes = std::move(volumes);
  dataset.label_map = {.values = {}, .ignore_value = data::kIgnore, .class_count = 2};
  for (std::size_t v = 0; v < dataset.volumes.size(); ++v) {
    const auto planes =
        data::slices_across(dataset.volumes[v].labels->shape(), static_cast<int>(v), 0, 1);
    dataset.slices.insert(dataset.slices.end(), planes.begin(), planes.end());
  }
  return dataset;
}

/// An L whose arms touch at a corner and a square in one plane of a stack, and an image that is
/// known everywhere.
data::Dataset three_regions() {
  return partly_known_dataset(
      {partly_known("stack", {2, 100, 120},
                    {{1, 4, 10, 40, 40}, {1, 44, 50, 20, 30}, {1, 50, 4, 40, 33}}),
       partly_known("crop", {1, 40, 36}, {{0, 0, 0, 40, 36}})});
}

/// By volume and plane.
std::vector<core::Array> all_labels(const data::Dataset& dataset) {
  std::vector<core::Array> labels;
  for (const data::Slice& slice : dataset.slices) {
    labels.push_back(data::read_plane(dataset, slice).labels);
  }
  return labels;
}

std::int64_t known_pixels(const core::Array& labels) {
  const auto ids = labels.values<std::uint8_t>();
  return std::count_if(ids.begin(), ids.end(), [](auto id) { return id != data::kIgnore; });
}

std::int64_t known_pixels(const data::Dataset& dataset) {
  const std::vector<core::Array> planes = all_labels(dataset);
  return std::accumulate(planes.begin(), planes.end(), std::int64_t{0},
                         [](std::int64_t sum, const auto& one) { return sum + known_pixels(one); });
}

TEST(LabelledRegions, AreConnectedPatchesOfKnownLabels) {
  const std::vector<LabelledRegion> regions = find_regions(three_regions());
  ASSERT_EQ(regions.size(), 3U);
  EXPECT_EQ(regions[0].name(), "stack z=1 y=4..64 x=10..80");
  EXPECT_EQ(regions[0].pixels, 40 * 40 + 20 * 30);
  EXPECT_EQ(regions[1].name(), "stack z=1 y=50..90 x=4..37");
  EXPECT_EQ(regions[2].name(), "crop y=0..40 x=0..36");
}

TEST(LabelledRegions, HiddenAndShownTogetherAreAllThatIsKnown) {
  const data::Dataset dataset = three_regions();
  const std::vector<LabelledRegion> regions = find_regions(dataset);
  std::int64_t pixels = 0;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    pixels += regions[i].pixels;
    const data::Dataset rest = without_region(dataset, regions, i);
    for (const data::Slice& slice : dataset.slices) {
      if (slice != regions[i].slice) {
        continue;
      }
      const core::Array all = data::read_plane(dataset, slice).labels;
      const core::Box3 box = core::slice_box(
          dataset.volumes[static_cast<std::size_t>(slice.volume)].labels->shape(), 0, slice.index);
      core::Array joined = labels_of_region(dataset, regions[i], box);
      if (std::count(rest.slices.begin(), rest.slices.end(), slice) > 0) {
        const core::Array shown = data::read_plane(rest, slice).labels;
        EXPECT_EQ(known_pixels(joined) + known_pixels(shown), known_pixels(all));
        for (std::size_t k = 0; k < joined.values<std::uint8_t>().size(); ++k) {
          auto& id = joined.values<std::uint8_t>()[k];
          id = id == data::kIgnore ? shown.values<std::uint8_t>()[k] : id;
        }
      }
      EXPECT_TRUE(joined == all) << regions[i].name();
    }
    EXPECT_EQ(known_pixels(rest) + regions[i].pixels, known_pixels(dataset));
  }
  EXPECT_EQ(pixels, known_pixels(dataset));  // so that no two of them share a pixel
}

TEST(LabelledRegions, APartOfTheHiddenPlaneIsHiddenToo) {
  const data::Dataset dataset = three_regions();
  const std::vector<LabelledRegion> regions = find_regions(dataset);
  const data::Dataset rest = without_region(dataset, regions, 0);
  const core::Box3 part{{0, 30, 30}, {2, 30, 10}};
  const core::Array seen = rest.volumes[0].labels->read(part);
  const auto values = seen.values<std::uint8_t>();
  // The first region covers rows 30 to 43 of the part, the second rows 50 to 59 up to x = 36.
  EXPECT_EQ(std::count_if(values.begin(), values.end(),
                          [](auto value) { return value != data::kIgnore; }),
            10 * 7);
}

void expect_refused(const data::Dataset& dataset, ErrorKind kind, const std::string& text) {
  try {
    find_regions(dataset);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(text));
  }
}

TEST(LabelledRegions, RefusesTooFewTooManyAndTooSmallOnes) {
  const core::Vec3 shape{1, 100, 100};
  expect_refused(partly_known_dataset({partly_known("a", shape, {{0, 10, 20, 50, 60}})}),
                 ErrorKind::usage, "one labelled region, a y=10..60 x=20..80");
  expect_refused(partly_known_dataset({partly_known("a", shape, {})}), ErrorKind::usage,
                 "no labelled region");
  expect_refused(
      partly_known_dataset({partly_known("a", shape, {{0, 0, 0, 50, 50}, {0, 60, 70, 3, 4}})}),
      ErrorKind::bad_data, "the first has 12 pixels, at y=60, x=70");
  std::vector<data::LabelledVolume> crops;
  for (std::size_t i = 0; i <= kMostRegions; ++i) {
    crops.push_back(partly_known("crop" + std::to_string(i), {1, 32, 32}, {{0, 0, 0, 32, 32}}));
  }
  expect_refused(partly_known_dataset(std::move(crops)), ErrorKind::usage, "more than 32");
}

}  // namespace
}  // namespace retina::pipeline
