#include "retina/metric/overlap.h"

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

TEST(Overlap, CountsEqualADirectCountWhateverTheDtypes) {
  Array prediction(DType::u8, 1, {3, 40, 60});
  Array truth(DType::u64, 1, {3, 40, 60});
  core::Rng rng(9);
  OverlapCounts expected;
  for (std::size_t i = 0; i < prediction.values<std::uint8_t>().size(); ++i) {
    const auto p = rng.integer(0, 2);
    const auto t = rng.integer(0, 3);  // 3 is not known
    prediction.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(p);
    truth.values<std::uint64_t>()[i] = static_cast<std::uint64_t>(t);
    expected.tp += t == 2 && p == 2 ? 1 : 0;
    expected.fp += t != 2 && t != 3 && p == 2 ? 1 : 0;
    expected.fn += t == 2 && p != 2 ? 1 : 0;
  }
  const auto found = count_overlap(prediction, truth, {1, 2}, 3).at(1);
  EXPECT_EQ(found.tp, expected.tp);
  EXPECT_EQ(found.fp, expected.fp);
  EXPECT_EQ(found.fn, expected.fn);
}

TEST(Overlap, ScoresOfNothingAreUndefinedAndTheSmoothedOneIsOne) {
  const OverlapCounts nothing;
  EXPECT_FALSE(nothing.iou() || nothing.f_score() || nothing.precision() || nothing.recall());
  EXPECT_EQ(nothing.smoothed_iou(), 1.0);
}

TEST(Overlap, ScoresFollowFromTheCounts) {
  const OverlapCounts counts{.tp = 6, .fp = 2, .fn = 4};
  EXPECT_DOUBLE_EQ(counts.iou().value(), 0.5);
  EXPECT_DOUBLE_EQ(counts.f_score().value(), 12.0 / 18);
  EXPECT_DOUBLE_EQ(counts.precision().value(), 0.75);
  EXPECT_DOUBLE_EQ(counts.recall().value(), 0.6);
}

TEST(Overlap, IdsBeyond32BitsAreNotMixed) {
  constexpr std::int64_t kId = (std::int64_t{1} << 32) + 7;
  Array truth(DType::u64, 1, {1, 1, 3});
  truth.values<std::uint64_t>()[0] = kId;
  truth.values<std::uint64_t>()[1] = 7;  // equal to the other in 32 bits
  Array prediction = truth;
  prediction.values<std::uint64_t>()[1] = kId;
  const auto counts = count_overlap(prediction, truth, {kId, 7});
  EXPECT_EQ(counts[0].tp, 1);
  EXPECT_EQ(counts[0].fp, 1);
  EXPECT_EQ(counts[1].fn, 1);
}

}  // namespace
}  // namespace retina::metric
