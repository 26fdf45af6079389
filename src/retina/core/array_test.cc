#include "retina/core/array.h"

#include <limits>

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(Array, IsZeroAtBirthAndIndexedCzyx) {
  Array array(DType::u16, 2, {2, 3, 4});
  EXPECT_EQ(array.elements(), 48);
  array.at<std::uint16_t>(1, 1, 2, 3) = 7;
  EXPECT_EQ(array.values<std::uint16_t>().back(), 7);
  EXPECT_EQ(array.values<std::uint16_t>().front(), 0);
}

TEST(Array, ReadingAsAnotherTypeIsAnError) {
  Array array(DType::u16, 1, {1, 1, 1});
  EXPECT_THROW(array.values<float>(), Error);
}

TEST(Array, SizeThatOverflowsIsAResourceError) {
  try {
    Array(DType::f64, 4, {1LL << 40, 1LL << 20, 1LL << 20});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

TEST(Array, CopyOverlapMovesTheCommonPartOnly) {
  Array source(DType::u8, 1, {1, 2, 2});
  for (std::uint8_t& v : source.values<std::uint8_t>()) {
    v = 9;
  }
  Array target(DType::u8, 1, {1, 3, 3});
  copy_overlap(source, {0, 2, 2}, target, {0, 0, 0});
  int nines = 0;
  for (const std::uint8_t v : target.values<std::uint8_t>()) {
    nines += v == 9 ? 1 : 0;
  }
  EXPECT_EQ(nines, 1);
  EXPECT_EQ(target.at<std::uint8_t>(0, 0, 2, 2), 9);
}

TEST(Array, OneOfItsChannels) {
  Array values(DType::u16, 2, {1, 2, 2});
  values.at<std::uint16_t>(1, 0, 1, 0) = 700;
  const Array second = channel_of(values, 1);
  EXPECT_EQ(second.channels(), 1);
  EXPECT_EQ(second.at<std::uint16_t>(0, 0, 1, 0), 700);
  EXPECT_EQ(channel_of(values, 0), Array(DType::u16, 1, {1, 2, 2}));
}

TEST(Array, ConversionSaturatesAndMapsNanToZero) {
  Array source(DType::f32, 1, {1, 1, 4});
  const auto in = source.values<float>();
  in[0] = -5.0F;
  in[1] = 300.0F;
  in[2] = std::numeric_limits<float>::quiet_NaN();
  in[3] = 17.9F;
  const Array bytes = convert(source, DType::u8);
  const auto out = bytes.values<std::uint8_t>();
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[1], 255);
  EXPECT_EQ(out[2], 0);
  EXPECT_EQ(out[3], 17);
}

TEST(Array, ConversionKeepsLargeLabels) {
  Array source(DType::u64, 1, {1, 1, 1});
  source.values<std::uint64_t>()[0] = 0xFFFFFFFFFFFFFFFEU;
  EXPECT_EQ(convert(source, DType::u32).values<std::uint32_t>()[0], 0xFFFFFFFFU);
  EXPECT_EQ(convert(source, DType::u64), source);
}

}  // namespace
}  // namespace retina::core
