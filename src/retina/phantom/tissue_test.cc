#include "retina/phantom/tissue.h"

#include <set>

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

TissueSpec tissue_example() {
  TissueSpec spec;
  spec.seed = 9;
  spec.samples = {64, 64, 64};
  return spec;
}

TEST(Tissue, PartEqualsTheSamePartOfTheWhole) {
  const Tissue tissue(tissue_example());
  const TissueBlock whole = tissue.render({{0, 0, 0}, {40, 40, 40}});
  const core::Box3 box{{11, 3, 17}, {9, 20, 13}};
  const TissueBlock part = tissue.render(box);
  std::size_t i = 0;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      for (std::int64_t x = box.start[2]; x < box.stop()[2]; ++x, ++i) {
        const auto at = static_cast<std::size_t>((z * 40 + y) * 40 + x);
        ASSERT_EQ(part.grey[i], whole.grey[at]);
        ASSERT_EQ(part.structure[i], whole.structure[at]);
        ASSERT_EQ(part.instance[i], whole.instance[at]);
      }
    }
  }
}

TEST(Tissue, ReachesBeyondItsOwnSide) {
  const Tissue tissue(tissue_example());
  const TissueBlock beyond = tissue.render({{-5, -7, -3}, {6, 8, 4}});
  const TissueBlock corner = tissue.render({{0, 0, 0}, {1, 1, 1}});
  EXPECT_EQ(beyond.grey.back(), corner.grey.front());
}

TEST(Tissue, StructureIsOfTheTable) {
  const TissueBlock block = Tissue(tissue_example()).render({{0, 0, 0}, {48, 48, 48}});
  const std::set<std::uint8_t> seen(block.structure.begin(), block.structure.end());
  EXPECT_TRUE(seen.contains(static_cast<std::uint8_t>(Structure::membrane)));
  EXPECT_LT(*seen.rbegin(), kStructureNames.size());
}

}  // namespace
}  // namespace retina::phantom
