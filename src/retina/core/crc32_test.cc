#include "retina/core/crc32.h"

#include <string_view>

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(Crc32, IsTheStandardChecksum) {
  EXPECT_EQ(crc32(std::as_bytes(std::span(std::string_view("123456789")))), 0xCBF43926U);
}

}  // namespace
}  // namespace retina::core
