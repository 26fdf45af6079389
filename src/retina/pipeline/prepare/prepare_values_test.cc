#include "retina/pipeline/prepare/prepare_values.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/bad_data.h"

namespace retina::pipeline {
namespace {

using core::Array;
using core::DType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class T>
Array row_of(const std::vector<T>& values, int channels = 1) {
  const auto side = static_cast<std::int64_t>(values.size()) / channels;
  Array row(core::dtype_of<T>(), channels, {1, 1, side});
  std::copy(values.begin(), values.end(), row.values<T>().begin());
  return row;
}

std::vector<int> bytes_in(const Array& array) {
  const auto values = array.values<std::uint8_t>();
  return {values.begin(), values.end()};
}

const std::vector<LabelRange> kMarks{
    {.first = 0, .last = 9, .class_id = 1},
    {.first = ~0ULL - 1, .last = ~0ULL - 1, .class_id = 1, .is_unknown = true},
    {.first = ~0ULL, .last = ~0ULL, .class_id = 0}};

TEST(PrepareValues, StretchesFromLeastToGreatestAndCutsFractions) {
  const Array stored = row_of<std::int16_t>({-100, -99, 0, 155, 156});
  ValueSpan span;
  span.add(stored);
  EXPECT_EQ(span.low, -100);
  EXPECT_EQ(span.high, 156);
  // 1/256 * 255 = 0.996 and 255/256 * 255 = 254.004
  EXPECT_THAT(bytes_in(grey_values(stored, GreyRule::min_max, span, "a")),
              ElementsAre(0, 0, 99, 254, 255));
  ValueSpan flat;
  flat.add(row_of<std::int16_t>({7, 7}));
  EXPECT_THAT(bytes_in(grey_values(row_of<std::int16_t>({7}), GreyRule::min_max, flat, "a")),
              ElementsAre(0));
}

TEST(PrepareValues, TruncatesWhatIsBetween0And255) {
  EXPECT_THAT(
      bytes_in(grey_values(row_of<float>({0, 0.9F, 254.99F, 255}), GreyRule::truncated, {}, "a")),
      ElementsAre(0, 0, 254, 255));
  const auto refuse = [](float value) {
    return testing::bad_data_message(
        [&] { grey_values(row_of<float>({value}), GreyRule::truncated, {}, "a.nii"); });
  };
  EXPECT_THAT(refuse(256), HasSubstr("a.nii"));
  EXPECT_THAT(refuse(-1), HasSubstr("0 to 255"));
  EXPECT_THAT(refuse(std::numeric_limits<float>::quiet_NaN()), HasSubstr("nan"));
}

TEST(PrepareValues, Uint8StaysAndTheFirstChannelCounts) {
  const Array colour = row_of<std::uint8_t>({1, 2, 3, 4, 5, 6}, 3);
  for (const GreyRule rule : {GreyRule::as_stored, GreyRule::truncated, GreyRule::min_max}) {
    EXPECT_THAT(bytes_in(grey_values(colour, rule, {}, "a")), ElementsAre(1, 2));
  }
  EXPECT_THAT(testing::bad_data_message([] {
                grey_values(row_of<std::uint16_t>({1}), GreyRule::as_stored, {}, "a.png");
              }),
              HasSubstr("uint16"));
}

TEST(PrepareValues, ClassesOfMarksAtTheEndOfTheType) {
  const Array stored = row_of<std::uint64_t>({~0ULL, 0, 9, ~0ULL - 1});
  EXPECT_THAT(bytes_in(class_values(stored, kMarks, UnknownVoxels::published, "a")),
              ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(bytes_in(class_values(stored, kMarks, UnknownVoxels::ignore, "a")),
              ElementsAre(0, 1, 1, 255));
  EXPECT_THAT(bytes_in(class_values(row_of<std::int64_t>({-1, -2, 5}), kMarks,
                                    UnknownVoxels::published, "a")),
              ElementsAre(0, 1, 1));
}

TEST(PrepareValues, NamesALabelThatIsInNoRange) {
  const auto refuse = [](const Array& stored) {
    return testing::bad_data_message(
        [&] { class_values(stored, kMarks, UnknownVoxels::published, "m.tif"); });
  };
  EXPECT_THAT(refuse(row_of<std::uint16_t>({3, 10})), HasSubstr("label value 10"));
  EXPECT_THAT(refuse(row_of<float>({0.5F})), HasSubstr("label value 0.5"));
  EXPECT_THAT(refuse(row_of<float>({-1})), HasSubstr("m.tif"));
}

TEST(PrepareValues, TheLaterLabelsLieOnTop) {
  Array classes = row_of<std::uint8_t>({0, 1, 1, 0});
  EXPECT_EQ(lay_over(row_of<std::uint8_t>({0, 0, 2, 2}), classes), 1);
  EXPECT_THAT(bytes_in(classes), ElementsAre(0, 1, 2, 2));
}

TEST(PrepareValues, PlanesKeepZAsTheirRows) {
  Array block(DType::u8, 1, {2, 3, 4});
  for (std::size_t i = 0; i < 24; ++i) {
    block.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
  }
  EXPECT_EQ(planes_of(block, 0), block);
  const Array xz = planes_of(block, 1);
  const Array yz = planes_of(block, 2);
  EXPECT_EQ(xz.shape(), (core::Vec3{3, 2, 4}));
  EXPECT_EQ(yz.shape(), (core::Vec3{4, 2, 3}));
  for (std::int64_t z = 0; z < 2; ++z) {
    for (std::int64_t y = 0; y < 3; ++y) {
      for (std::int64_t x = 0; x < 4; ++x) {
        const auto value = block.at<std::uint8_t>(0, z, y, x);
        EXPECT_EQ(xz.at<std::uint8_t>(0, y, z, x), value);
        EXPECT_EQ(yz.at<std::uint8_t>(0, x, z, y), value);
      }
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
