#include "retina/store/image/interleave.h"

#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(Interleave, ChannelsBecomeTheFirstAxis) {
  const std::vector<std::byte> pixels{std::byte{1}, std::byte{2}, std::byte{3},
                                      std::byte{4}, std::byte{5}, std::byte{6}};
  const core::Array image = from_interleaved(pixels, core::DType::u8, 3, 1, 2);
  EXPECT_EQ(image.channels(), 3);
  EXPECT_EQ(image.at<std::uint8_t>(0, 0, 0, 1), 4);
  EXPECT_EQ(image.at<std::uint8_t>(2, 0, 0, 0), 3);
}

TEST(Interleave, IsUndoneForEachPlane) {
  core::Array values(core::DType::u16, 3, {2, 3, 4});
  std::uint16_t next = 0;
  for (auto& value : values.values<std::uint16_t>()) {
    value = next++;
  }
  for (std::int64_t z = 0; z < 2; ++z) {
    const core::Array plane =
        from_interleaved(to_interleaved(values, z), core::DType::u16, 3, 3, 4);
    core::Array expected(core::DType::u16, 3, {1, 3, 4});
    core::copy_overlap(values, {0, 0, 0}, expected, {z, 0, 0});
    EXPECT_TRUE(plane == expected);
  }
}

}  // namespace
}  // namespace retina::store
