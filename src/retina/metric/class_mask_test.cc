#include "retina/metric/class_mask.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

TEST(ClassMask, MarksTheVoxelsOfOneClass) {
  Array labels(DType::i16, 1, {1, 1, 4});
  labels.at<std::int16_t>(0, 0, 0, 1) = 3;
  labels.at<std::int16_t>(0, 0, 0, 2) = -3;
  const Array mask = class_mask(labels, 3);
  EXPECT_EQ(std::vector<std::uint8_t>(mask.values<std::uint8_t>().begin(),
                                      mask.values<std::uint8_t>().end()),
            (std::vector<std::uint8_t>{0, 1, 0, 0}));
}

TEST(ClassMask, ReadsTheCremiMarksAsNegativeNumbers) {
  Array labels(DType::u64, 1, {1, 1, 2});
  labels.at<std::uint64_t>(0, 0, 0, 0) = std::numeric_limits<std::uint64_t>::max() - 1;
  labels.at<std::uint64_t>(0, 0, 0, 1) = std::numeric_limits<std::uint64_t>::max();
  std::vector<std::int64_t> values(2);
  read_labels(labels, 0, values);
  EXPECT_EQ(values, (std::vector<std::int64_t>{-2, -1}));
}

TEST(ClassMask, ClearsOnlyWhereTheLabelIsTheGivenValue) {
  Array labels(DType::u8, 1, {1, 2, 5000});
  labels.at<std::uint8_t>(0, 0, 1, 4999) = 9;
  Array mask(DType::u8, 1, {1, 2, 5000});
  for (auto& value : mask.values<std::uint8_t>()) {
    value = 1;
  }
  clear_where(mask, labels, 9);
  EXPECT_EQ(count_voxels(mask), 9999);
  EXPECT_EQ(mask.at<std::uint8_t>(0, 0, 1, 4999), 0);
}

TEST(ClassMask, RefusesFloatingPointLabels) {
  EXPECT_THROW(class_mask(Array(DType::f32, 1, {1, 2, 2}), 1), Error);
}

}  // namespace
}  // namespace retina::metric
