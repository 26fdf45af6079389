#include "retina/core/dtype.h"

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(DType, NamesRoundTrip) {
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
  }
}

TEST(DType, UnknownNameIsBadData) {
  EXPECT_THROW(dtype_from_name("complex64"), Error);
}

TEST(DType, SizesAreThoseOfTheTypes) {
  EXPECT_EQ(size_of(DType::u8), 1U);
  EXPECT_EQ(size_of(DType::f64), 8U);
}

}  // namespace
}  // namespace retina::core
