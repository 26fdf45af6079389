#include "retina/metric/streamed_instance_match.h"

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/metric/class_mask.h"
#include "retina/metric/instance_match.h"
#include "retina/metric/mask_test_data.h"
#include "retina/testing/stopping_context.h"

namespace retina::metric {
namespace {

core::Array part(const core::Array& mask, const core::Box3& box) {
  return core::in_memory(mask)->read(box);
}

TEST(StreamedInstanceMatch, EqualsThatOfTheWholeInEveryBox) {
  std::uint64_t seed = 0;
  for (const core::Vec3& shape :
       {core::Vec3{1, 1, 1}, core::Vec3{1, 9, 40}, core::Vec3{7, 1, 20}, core::Vec3{6, 20, 17}}) {
    for (const double share : {0.05, 0.15}) {
      const core::Array prediction = random_mask(shape, share, ++seed);
      const core::Array truth = random_mask(shape, 0.02, ++seed);
      const StreamedInstanceMatch match(masks_of(prediction, truth), {2, 3, 5}, 1 << 20,
                                        core::silent_context());
      const InstanceMatch whole = match_instances(prediction, truth);
      EXPECT_EQ(match.truth_has_background(), whole.truth_has_background);
      EXPECT_EQ(match.matched(core::whole(shape)), whole.matched);
      const core::Box3 box{{shape[0] / 3, shape[1] / 3, shape[2] / 3},
                           {(shape[0] + 1) / 2, (shape[1] + 1) / 2, (shape[2] + 1) / 2}};
      EXPECT_EQ(match.matched(box), part(whole.matched, box)) << core::to_string(shape);
    }
  }
}

TEST(StreamedInstanceMatch, LosesTheObjectOfATruthWithoutBackground) {
  const core::Array full = random_mask({2, 3, 4}, 1, 1);
  const StreamedInstanceMatch match(masks_of(full, full), {1, 0, 0}, 1 << 20,
                                    core::silent_context());
  EXPECT_FALSE(match.truth_has_background());
  EXPECT_EQ(count_voxels(match.matched(core::whole(full.shape()))), 0);
}

TEST(StreamedInstanceMatch, RefusesMoreObjectsThanItsMemoryHolds) {
  const core::Array many = random_mask({4, 40, 40}, 0.1, 1);
  try {
    StreamedInstanceMatch(masks_of(many, many), {1, 0, 0}, 4096, core::silent_context());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

TEST(StreamedInstanceMatch, HearsAStop) {
  const core::Array mask = random_mask({4, 40, 40}, 0.1, 1);
  const core::Context context =
      testing::stopping_context([](const testing::Reported&) { return true; });
  EXPECT_THROW(StreamedInstanceMatch(masks_of(mask, mask), {1, 0, 0}, 1 << 20, context), Error);
}

}  // namespace
}  // namespace retina::metric
