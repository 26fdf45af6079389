#include "retina/metric/confusion.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

Array random_labels_for_confusion(const core::Vec3& shape, std::uint64_t seed) {
  Array labels(DType::u8, 1, shape);
  core::Rng rng(seed);
  for (auto& value : labels.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 3));
  }
  return labels;
}

TEST(Confusion, OfBlocksAddsUpToTheWhole) {
  const Array prediction = random_labels_for_confusion({6, 40, 50}, 1);
  const Array truth = random_labels_for_confusion({6, 40, 50}, 2);
  Confusion whole;
  whole.add(prediction, truth);
  Confusion sum;
  for (std::int64_t z = 0; z < 6; z += 2) {
    Array p(DType::u8, 1, {2, 40, 50});
    Array t(DType::u8, 1, {2, 40, 50});
    copy_overlap(prediction, {0, 0, 0}, p, {z, 0, 0});
    copy_overlap(truth, {0, 0, 0}, t, {z, 0, 0});
    sum.add(p, t);
  }
  EXPECT_EQ(sum.pairs(), whole.pairs());
  EXPECT_EQ(whole.voxels(), 6 * 40 * 50);
}

TEST(Confusion, CountsTheSameAfterRelabellingBothSides) {
  const Array prediction = random_labels_for_confusion({1, 60, 70}, 3);
  const Array truth = random_labels_for_confusion({1, 60, 70}, 4);
  Confusion confusion;
  confusion.add(prediction, truth);
  const Confusion relabelled = confusion.mapped([](Confusion::Pair pair) {
    return std::optional(Confusion::Pair{pair.first * 7 + 5, pair.second * 7 + 5});
  });
  for (const std::int64_t id : {0, 1, 2, 3}) {
    EXPECT_EQ(relabelled.overlap(id * 7 + 5).tp, confusion.overlap(id).tp);
    EXPECT_EQ(relabelled.overlap(id * 7 + 5).fp, confusion.overlap(id).fp);
    EXPECT_EQ(relabelled.overlap(id * 7 + 5).fn, confusion.overlap(id).fn);
  }
}

TEST(Confusion, RefusesArraysOfDifferentShape) {
  Confusion confusion;
  try {
    confusion.add(Array(DType::u8, 1, {1, 2, 3}), Array(DType::u8, 1, {1, 3, 2}));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("shape"));
  }
}

TEST(Confusion, RefusesInstanceLabels) {
  Array ids(DType::u32, 1, {1, 1024, 1024});
  std::uint32_t next = 0;
  for (auto& value : ids.values<std::uint32_t>()) {
    value = next++;
  }
  Confusion confusion;
  EXPECT_THROW(confusion.add(ids, ids), Error);
}

TEST(Confusion, IdsBeyond32BitsAreNotMixed) {
  constexpr std::int64_t kId = (std::int64_t{1} << 32) + 9;
  Array labels(DType::u64, 1, {1, 64, 64});
  std::ranges::fill(labels.values<std::uint64_t>(), static_cast<std::uint64_t>(kId));
  Confusion confusion;
  confusion.add(labels, labels);
  EXPECT_EQ(confusion.overlap(kId).tp, 64 * 64);
  EXPECT_EQ(confusion.overlap(9).tp, 0);
}

}  // namespace
}  // namespace retina::metric
