#include "retina/core/narrowing.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::core {
namespace {

template <class T>
Array array_of(const std::vector<T>& values) {
  Array array(dtype_of<T>(), 1, {1, 1, static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), array.template values<T>().begin());
  return array;
}

template <class T>
Narrowing narrow(const std::vector<T>& values, DType to) {
  Narrowing narrowing{.to = to};
  narrowing.add(array_of(values));
  return narrowing;
}

TEST(Narrowing, UnderstandsShortAndLongNamesOfTypes) {
  EXPECT_EQ(parse_dtype("u8"), DType::u8);
  EXPECT_EQ(parse_dtype("i32"), DType::i32);
  EXPECT_EQ(parse_dtype("float64"), DType::f64);
  EXPECT_EQ(parse_dtype("f16"), std::nullopt);
  EXPECT_EQ(parse_dtype(""), std::nullopt);
}

TEST(Narrowing, MapsARangeToTheWholeRangeOfAType) {
  const Array mapped =
      map_range(array_of<float>({-1.F, 0.F, 5.F, 10.F, 99.F}), {0, 10}, DType::u16);
  EXPECT_THAT(mapped.values<std::uint16_t>(), ::testing::ElementsAre(0, 0, 32768, 65535, 65535));
}

TEST(Narrowing, KnowsWhichTypesHoldOthers) {
  EXPECT_TRUE(always_fits(DType::u8, DType::i16));
  EXPECT_TRUE(always_fits(DType::u16, DType::f32));
  EXPECT_TRUE(always_fits(DType::i32, DType::f64));
  EXPECT_FALSE(always_fits(DType::u32, DType::f32));
  EXPECT_FALSE(always_fits(DType::i8, DType::u64));
  EXPECT_FALSE(always_fits(DType::u64, DType::i64));
  EXPECT_FALSE(always_fits(DType::f32, DType::u64));
}

TEST(Narrowing, CountsWhatIsLost) {
  const auto labels = narrow<std::uint64_t>({0, 255, 256, (1ULL << 32U) + 7}, DType::u8);
  EXPECT_EQ(labels.outside, 2);
  EXPECT_EQ(labels.high, static_cast<long double>((1ULL << 32U) + 7));
  EXPECT_TRUE(narrow<std::uint64_t>({0, 255}, DType::u8).is_exact());
  EXPECT_EQ(narrow<std::int16_t>({-1, 0, 1}, DType::u16).outside, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto real = narrow<float>({0.F, 1.5F, 300.F, nan, inf}, DType::u8);
  EXPECT_EQ(real.outside, 2);
  EXPECT_EQ(real.rounded, 1);
  EXPECT_EQ(real.not_numbers, 1);
  EXPECT_EQ(real.low, 0);
  EXPECT_EQ(real.high, 300);
}

TEST(Narrowing, IsExactAtTheEdgesOfLargeIntegers) {
  EXPECT_TRUE(narrow<std::uint32_t>({1U << 24U}, DType::f32).is_exact());
  EXPECT_EQ(narrow<std::uint32_t>({(1U << 24U) + 1}, DType::f32).rounded, 1);
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(narrow<std::uint64_t>({kMost}, DType::i64).outside, 1);
  EXPECT_EQ(narrow<std::uint64_t>({kMost}, DType::f64).rounded, 1);
  EXPECT_EQ(narrow<double>({0x1p64}, DType::u64).outside, 1);
  EXPECT_TRUE(narrow<double>({0x1p63}, DType::u64).is_exact());
}

TEST(Narrowing, OfBlocksAddsUp) {
  Narrowing sum = narrow<std::int32_t>({-5, 10}, DType::u8);
  sum += narrow<std::int32_t>({70000}, DType::u8);
  EXPECT_EQ(sum.values, 3);
  EXPECT_EQ(sum.outside, 2);
  EXPECT_EQ(sum.low, -5);
  EXPECT_EQ(sum.high, 70000);
  EXPECT_THAT(to_string(sum), ::testing::HasSubstr("values -5 to 70000, 2 of 3 outside uint8"));
}

}  // namespace
}  // namespace retina::core
