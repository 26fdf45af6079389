#include "retina/store/units.h"

#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(Units, KnowsUnitsOfLength) {
  EXPECT_EQ(nanometres_per("nm"), 1.0);
  EXPECT_EQ(nanometres_per("Micrometer"), 1e3);
  EXPECT_EQ(nanometres_per("\xc2\xb5m"), 1e3);
  EXPECT_EQ(nanometres_per("\\u00B5m"), 1e3);
  EXPECT_EQ(nanometres_per("angstrom"), 0.1);
}

TEST(Units, PixelIsNoLength) {
  EXPECT_EQ(nanometres_per("pixel"), std::nullopt);
  EXPECT_EQ(nanometres_per(""), std::nullopt);
}

TEST(Units, RoundsToSignificantDigits) {
  EXPECT_EQ(round_significant(4.60000012, 6), 4.6);
  EXPECT_EQ(round_significant(0, 6), 0);
}

}  // namespace
}  // namespace retina::store
