#include "retina/store/units.h"

#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(Units, KnowsUnitsOfLength) {
  EXPECT_EQ(nanometres_per("nm"), 1.0);
  for (const char* spelling : {"Micrometer", "micrometers", "micrometre", "Micrometres"}) {
    EXPECT_EQ(nanometres_per(spelling), 1e3) << spelling;
  }
  EXPECT_EQ(nanometres_per("metres"), 1e9);
  EXPECT_EQ(nanometres_per("\xc2\xb5m"), 1e3);
  EXPECT_EQ(nanometres_per("\\u00B5m"), 1e3);
  EXPECT_EQ(nanometres_per("angstrom"), 0.1);
}

TEST(Units, KnowsThoseOfOme) {
  EXPECT_EQ(nanometres_per("inch"), 2.54e7);
  EXPECT_EQ(nanometres_per("in"), 2.54e7);
  EXPECT_EQ(nanometres_per("thou"), 2.54e4);
  EXPECT_EQ(nanometres_per("pt"), 2.54e7 / 72);
  EXPECT_EQ(nanometres_per("li"), 2.54e7 / 12);
  EXPECT_EQ(nanometres_per("ft"), 12 * 2.54e7);
  EXPECT_EQ(nanometres_per("yd"), 36 * 2.54e7);
  EXPECT_EQ(nanometres_per("dm"), 1e8);
  EXPECT_EQ(nanometres_per("fm"), 1e-6);
}

TEST(Units, CaseTellsMegametresFromMillimetres) {
  EXPECT_EQ(nanometres_per("Mm"), std::nullopt);
  EXPECT_EQ(nanometres_per("MM"), 1e6);
  EXPECT_EQ(nanometres_per("Pm"), std::nullopt);
  EXPECT_EQ(nanometres_per("pm"), 1e-3);
}

TEST(Units, PixelIsNoLength) {
  EXPECT_EQ(nanometres_per("pixel"), std::nullopt);
  EXPECT_EQ(nanometres_per("reference frame"), std::nullopt);
  EXPECT_EQ(nanometres_per(""), std::nullopt);
}

TEST(Units, RoundsToSignificantDigits) {
  EXPECT_EQ(round_significant(4.60000012, 6), 4.6);
  EXPECT_EQ(round_significant(0, 6), 0);
}

}  // namespace
}  // namespace retina::store
