#include "retina/core/volume.h"

#include <gtest/gtest.h>

namespace retina::core {
namespace {

std::unique_ptr<ArrayVolume> counting_volume(const Vec3& shape) {
  Array values(DType::u16, 1, shape);
  std::uint16_t next = 0;
  for (std::uint16_t& v : values.values<std::uint16_t>()) {
    v = next++;
  }
  return in_memory(std::move(values), Vec3d{8, 4, 4});
}

TEST(Volume, ReadGivesTheBoxThatWasAsked) {
  const auto volume = counting_volume({3, 4, 5});
  const Array part = volume->read({{1, 2, 3}, {1, 1, 2}});
  EXPECT_EQ(part.values<std::uint16_t>()[0], 1 * 20 + 2 * 5 + 3);
  EXPECT_EQ(part.values<std::uint16_t>()[1], 1 * 20 + 2 * 5 + 4);
}

TEST(Volume, ReadingOutsideIsRefusedWithBothShapes) {
  const auto volume = counting_volume({3, 4, 5});
  EXPECT_THROW(volume->read({{2, 0, 0}, {2, 1, 1}}), Error);
}

TEST(Volume, WhatIsWrittenIsRead) {
  const auto volume = counting_volume({3, 4, 5});
  Array patch(DType::u16, 1, {1, 1, 2});
  patch.values<std::uint16_t>()[1] = 999;
  volume->write({{2, 3, 0}, {1, 1, 2}}, patch);
  EXPECT_EQ(volume->read({{2, 3, 0}, {1, 1, 2}}), patch);
}

TEST(Volume, WritingAnotherDtypeIsAnError) {
  const auto volume = counting_volume({1, 1, 1});
  EXPECT_THROW(volume->write({{0, 0, 0}, {1, 1, 1}}, Array(DType::u8, 1, {1, 1, 1})), Error);
}

}  // namespace
}  // namespace retina::core
