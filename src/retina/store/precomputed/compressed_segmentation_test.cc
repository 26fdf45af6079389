#include "retina/store/precomputed/compressed_segmentation.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::store {
namespace {

/// Labels from a set of `kinds`, some beyond 32 bits where the type holds them.
core::Array random_labels(core::DType dtype, int channels, const core::Vec3& shape, int kinds,
                          std::uint64_t seed) {
  core::Array values(dtype, channels, shape);
  core::Rng rng(seed);
  core::dispatch(dtype, [&](auto zero) {
    for (auto& value : values.values<decltype(zero)>()) {
      value = static_cast<decltype(zero)>(rng.integer(0, kinds - 1) * 0x1234567891LL);
    }
  });
  return values;
}

TEST(CompressedSegmentation, DecodesWhatItEncodes) {
  for (const core::DType dtype : {core::DType::u32, core::DType::u64}) {
    for (const int kinds : {1, 2, 3, 5, 17, 300, 100000}) {
      for (const core::Vec3& block : {core::Vec3{8, 8, 8}, core::Vec3{4, 8, 2}, {1, 1, 1}}) {
        const core::Array labels = random_labels(dtype, 2, {9, 17, 8}, kinds, 3);
        const std::vector<std::byte> bytes = encode_compressed_segmentation(labels, block);
        core::Array found(dtype, 2, labels.shape());
        decode_compressed_segmentation(bytes, block, found);
        EXPECT_TRUE(found == labels) << kinds << " " << core::to_string(block);
      }
    }
  }
}

TEST(CompressedSegmentation, OneLabelTakesNoBits) {
  core::Array labels(core::DType::u64, 1, {16, 16, 16});
  const std::vector<std::byte> bytes = encode_compressed_segmentation(labels, {8, 8, 8});
  EXPECT_EQ(bytes.size(), 4U * (1 + 8 * 2 + 2));  // the channel, 8 headers, one table for all
}

TEST(CompressedSegmentation, DamagedBytesAreErrorsOrOtherLabels) {
  const core::Array labels = random_labels(core::DType::u64, 1, {16, 16, 16}, 9, 5);
  const std::vector<std::byte> good = encode_compressed_segmentation(labels, {8, 8, 8});
  core::Rng rng(8);
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> bytes = good;
    const auto at = static_cast<std::size_t>(rng.integer(0, 200));
    bytes[at] = static_cast<std::byte>(rng.integer(0, 255));
    if (i % 3 == 0) {
      bytes.resize(
          static_cast<std::size_t>(rng.integer(0, static_cast<std::int64_t>(good.size()))));
    }
    core::Array found(core::DType::u64, 1, labels.shape());
    try {
      decode_compressed_segmentation(bytes, {8, 8, 8}, found);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      ++refused;
    }
  }
  EXPECT_GT(refused, 600);
}

}  // namespace
}  // namespace retina::store
