#include "retina/tensor/convert.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::tensor {
namespace {

TEST(Convert, ViewSharesTheArraysMemory) {
  core::Array array(core::DType::i16, 2, {3, 4, 5});
  at::Tensor view_czyx = view_CZYX(array);
  EXPECT_EQ(view_czyx.sizes().vec(), (std::vector<std::int64_t>{2, 3, 4, 5}));
  view_czyx[1][2][3][4] = 77;
  EXPECT_EQ((array.at<std::int16_t>(1, 2, 3, 4)), 77);
}

TEST(Convert, ViewRefusesDtypesWithoutArithmetic) {
  core::Array array(core::DType::u16, 1, {1, 2, 2});
  EXPECT_THROW(view_CZYX(array), Error);
}

TEST(Convert, ArrayOfTheViewIsTheArray) {
  for (const core::DType dtype : {core::DType::u8, core::DType::i8, core::DType::i32,
                                  core::DType::i64, core::DType::f32, core::DType::f64}) {
    core::Array array(dtype, 2, {2, 3, 4});
    view_CZYX(array).copy_(at::arange(48).view({2, 2, 3, 4}));
    EXPECT_EQ(to_array(view_CZYX(array)), array) << core::name_of(dtype);
  }
}

TEST(Convert, MissingAxesHaveSideOne) {
  const core::Array plane = to_array(at::ones({4, 5}));
  EXPECT_EQ(plane.channels(), 1);
  EXPECT_EQ(plane.shape(), (core::Vec3{1, 4, 5}));
  EXPECT_EQ(to_array(at::ones({3, 4, 5})).shape(), (core::Vec3{3, 4, 5}));
  EXPECT_THROW(to_array(at::ones({4})), Error);
}

TEST(Convert, ReadsStridedTensorsInLogicalOrder) {
  const core::Array array = to_array(at::arange(6, at::kFloat).view({2, 3}).t());
  EXPECT_EQ((array.at<float>(0, 0, 2, 1)), 5.0F);
  EXPECT_EQ((array.at<float>(0, 0, 0, 1)), 3.0F);
}

TEST(Convert, WidensHalfPrecisionAndTruthValues) {
  EXPECT_EQ(to_array(at::ones({2, 2}, at::kBFloat16)).dtype(), core::DType::f32);
  EXPECT_EQ(to_array(at::ones({2, 2}, at::kBool)).dtype(), core::DType::u8);
}

}  // namespace
}  // namespace retina::tensor
