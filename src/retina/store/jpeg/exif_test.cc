#include "retina/store/jpeg/exif.h"

#include <string>

#include <gtest/gtest.h>

namespace retina::store {
namespace {

/// The data of an APP1 marker with two tags, the second of them an orientation.
std::string exif_with(bool is_big_endian, std::uint32_t orientation) {
  std::string out("Exif\0\0", 6);
  const auto add = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) {
      out += static_cast<char>(value >> (8 * (is_big_endian ? bytes - 1 - i : i)) & 0xFF);
    }
  };
  out += is_big_endian ? "MM" : "II";
  add(42, 2);
  add(8, 4);
  add(2, 2);  // entries: tag, type, count, value
  for (const auto& [tag, value] : {std::pair{0x0103U, 6U}, {0x0112U, orientation}}) {
    add(tag, 2);
    add(3, 2);
    add(1, 4);
    add(value, 2);
    add(0, 2);
  }
  add(0, 4);
  return out;
}

std::uint32_t orientation_in(const std::string& data) {
  return exif_orientation(std::as_bytes(std::span(data)));
}

TEST(Exif, TellsTheOrientationInEitherByteOrder) {
  for (const std::uint32_t orientation : {1U, 3U, 6U, 8U, 300U}) {
    EXPECT_EQ(orientation_in(exif_with(true, orientation)), orientation);
    EXPECT_EQ(orientation_in(exif_with(false, orientation)), orientation);
  }
}

TEST(Exif, DamagedDataHaveNone) {
  EXPECT_EQ(orientation_in(""), 1U);
  EXPECT_EQ(orientation_in("http://ns.adobe.com/xap/1.0/"), 1U);
  const std::string whole = exif_with(false, 6);
  const std::size_t end_of_value = whole.size() - 6;  // two bytes of padding, the next directory
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(orientation_in(whole.substr(0, length)), length < end_of_value ? 1U : 6U) << length;
  }
  std::string far = whole;
  far.replace(10, 4, "\xFF\xFF\xFF\xFF");  // where the directory begins
  EXPECT_EQ(orientation_in(far), 1U);
  std::string many = whole;
  many.replace(14, 2, "\xFF\xFF");  // entries
  EXPECT_EQ(orientation_in(many), 6U);
  many.replace(28, 2, "\x01\x01");  // another tag than the orientation
  EXPECT_EQ(orientation_in(many), 1U);
}

}  // namespace
}  // namespace retina::store
