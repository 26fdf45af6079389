#include "retina/data/append.h"

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::data {
namespace {

std::uint8_t corner_label(const Dataset& dataset, std::size_t slice) {
  return read_plane(dataset, dataset.slices[slice]).labels.at<std::uint8_t>(0, 0, 0, 3);
}

TEST(Append, SlicesKeepTheirImages) {
  Dataset all;
  append(all, *memory_dataset(2, 4));
  append(all, *memory_dataset(3, 4));
  ASSERT_EQ(all.slices.size(), 5U);
  const std::vector<std::uint8_t> greys{0, 1, 0, 1, 2};
  for (std::size_t i = 0; i < greys.size(); ++i) {
    EXPECT_EQ(read_image(all, all.slices[i]).at<std::uint8_t>(0, 0, 0, 0), greys[i]);
  }
}

TEST(Append, EveryDatasetKeepsTheMeaningOfItsLabels) {
  Dataset all = *memory_dataset(1, 4);
  Dataset unknown = *memory_dataset(1, 4);
  unknown.label_map.ignore_value = 1;
  Dataset swapped = *memory_dataset(1, 4);
  swapped.label_map.values = {{0, 1}, {1, 0}};
  append(all, unknown);
  append(all, swapped);
  EXPECT_EQ(corner_label(all, 0), 1);
  EXPECT_EQ(corner_label(all, 1), kIgnore);
  EXPECT_EQ(corner_label(all, 2), 0);
}

TEST(Append, TheFirstRangeIsKept) {
  Dataset all = *memory_dataset(1, 4);
  for (const double high : {1000.0, 4000.0}) {
    Dataset more = *memory_dataset(1, 4);
    more.range = {0, high};
    append(all, more);
  }
  EXPECT_EQ(all.range, (core::IntensityRange{0, 1000}));
}

}  // namespace
}  // namespace retina::data
