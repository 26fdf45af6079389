#include "retina/core/crc32.h"

#include <string_view>

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(Crc32, GivesTheCheckValuesOfBothDefinitions) {
  const auto digits = std::as_bytes(std::span(std::string_view("123456789")));
  EXPECT_EQ(crc32(digits), 0xCBF43926U);
  EXPECT_EQ(crc32c(digits), 0xE3069283U);
}

}  // namespace
}  // namespace retina::core
