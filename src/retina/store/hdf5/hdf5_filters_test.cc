#include "retina/store/hdf5/hdf5_filters.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::store {
namespace {

std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string decoded_text(const std::vector<std::byte>& stored, int filter, std::size_t size) {
  const auto bytes = decode_hdf5_chunk(stored, {{.id = filter}}, 0, size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(Hdf5Filters, WhatIsEncodedIsDecoded) {
  core::Rng rng(2);
  for (const std::size_t value_size : {1, 2, 4, 8}) {
    std::vector<std::byte> values(value_size * 1001);
    for (auto& value : values) {
      value = static_cast<std::byte>(rng.integer(0, 3));
    }
    const auto stored = encode_hdf5_chunk(values, value_size);
    EXPECT_LT(stored.size(), values.size());
    EXPECT_EQ(decode_hdf5_chunk(stored, standard_hdf5_filters(value_size), 0, values.size()),
              values);
  }
}

TEST(Hdf5Filters, NoiseIsKeptAsItIs) {
  core::Rng rng(2);
  for (const std::size_t size : {64, 65536}) {
    std::vector<std::byte> noise(size);
    for (auto& value : noise) {
      value = static_cast<std::byte>(rng.integer(0, 255));
    }
    EXPECT_EQ(encode_hdf5_chunk(noise, 1), noise);
    EXPECT_EQ(encode_hdf5_chunk(noise, 2), noise);
    EXPECT_EQ(
        decode_hdf5_chunk(noise, standard_hdf5_filters(2), skipped_hdf5_filters(size, size), size),
        noise);
  }
  EXPECT_EQ(skipped_hdf5_filters(57, 64), 0U);
}

TEST(Hdf5Filters, LzfCopiesAndRepeats) {
  // three letters, then 3 from 3 back, then 9 + 2 from 1 back
  const auto stored =
      bytes_of_text(std::string_view("\x02"
                                     "abc\x20\x02\xe0\x02\x00",
                                     9));
  EXPECT_EQ(decoded_text(stored, 32000, 17), "abcabc" + std::string(11, 'c'));
  EXPECT_THROW(decoded_text(stored, 32000, 16), Error);
  EXPECT_THROW(decoded_text(bytes_of_text("\x20\x05"), 32000, 3), Error);  // before the start
  EXPECT_THROW(decoded_text(bytes_of_text("\x1f"
                                          "ab"),
                            32000, 32),
               Error);  // cut short
}

TEST(Hdf5Filters, ChecksumsAreChecked) {
  // words 0x0102, 0x0300: sums 0x0402 and 0x0504; stored little endian, the second sum above
  auto stored = bytes_of_text(std::string_view("\x01\x02\x03\x02\x04\x04\x05", 7));
  EXPECT_EQ(decoded_text(stored, 3, 3), "\x01\x02\x03");
  stored[1] = std::byte{0x07};
  EXPECT_THROW(decoded_text(stored, 3, 3), Error);
  EXPECT_THROW(decoded_text({}, 3, 0), Error);
}

TEST(Hdf5Filters, SkippedStepsAreNotUndone) {
  const auto plain = bytes_of_text("abcdef");
  EXPECT_EQ(decode_hdf5_chunk(plain, standard_hdf5_filters(2), 3, 6), plain);
}

TEST(Hdf5Filters, DamagedBytesAreRefused) {
  std::vector<std::byte> noise(500);
  core::Rng rng(3);
  for (int round = 0; round < 200; ++round) {
    for (auto& value : noise) {
      value = static_cast<std::byte>(rng.integer(0, 255));
    }
    for (const int filter : {1, 3, 32000, 32001, 32015}) {
      EXPECT_THROW(decoded_text(noise, filter, 4096), Error) << filter;
    }
  }
}

TEST(Hdf5Filters, SizesThatLieAllocateNothing) {
  const std::size_t huge = std::size_t{1} << 44;
  for (const int filter : {1, 32000, 32001, 32015}) {
    EXPECT_THROW(decoded_text(bytes_of_text("\x01\x02\x03\x04\x05\x06\x07\x08"), filter, huge),
                 Error);
  }
}

TEST(Hdf5Filters, NamesWhatItCannotDecode) {
  EXPECT_TRUE(can_decode({.id = 32000}));
  EXPECT_FALSE(can_decode({.id = 4}));
  EXPECT_EQ(name_of_filter({.id = 4}), "szip");
  EXPECT_EQ(name_of_filter({.id = 32008}), "bitshuffle");
  EXPECT_EQ(name_of_filter({.id = 40000, .name = "mine"}), "mine (number 40000)");
}

}  // namespace
}  // namespace retina::store
