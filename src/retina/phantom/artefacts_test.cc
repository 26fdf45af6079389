#include "retina/phantom/artefacts.h"

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

std::vector<float> damaged_row(const ArtefactOptions& options, std::int64_t z, std::int64_t y,
                               std::int64_t first, std::int64_t count) {
  std::vector<float> row(static_cast<std::size_t>(count), 150.0F);
  SectionDamage(3, z, options).apply(row.data(), y, first, count, {8, 8, 8});
  return row;
}

bool any_changed(const ArtefactOptions& options) {
  for (std::int64_t y = 0; y < 200; ++y) {
    const std::vector<float> row = damaged_row(options, 1, y, 0, 400);
    if (row != std::vector<float>(400, 150.0F)) {
      return true;
    }
  }
  return false;
}

TEST(SectionDamage, NoneWithoutArtefacts) {
  EXPECT_FALSE(any_changed({.knife_mark = 0, .fold = 0, .exposure = 0, .precipitate = 0}));
}

TEST(SectionDamage, EachKindChangesASection) {
  EXPECT_TRUE(any_changed({.knife_mark = 1, .fold = 0, .exposure = 0, .precipitate = 0}));
  EXPECT_TRUE(any_changed({.knife_mark = 0, .fold = 1, .exposure = 0, .precipitate = 0}));
  EXPECT_TRUE(any_changed({.knife_mark = 0, .fold = 0, .exposure = 1, .precipitate = 0}));
  EXPECT_TRUE(any_changed({.knife_mark = 0, .fold = 0, .exposure = 0, .precipitate = 3}));
}

TEST(SectionDamage, PartOfARowEqualsTheRow) {
  const ArtefactOptions all{.knife_mark = 1, .fold = 1, .exposure = 1, .precipitate = 4};
  for (std::int64_t y = 0; y < 100; ++y) {
    const std::vector<float> row = damaged_row(all, 1, y, -20, 300);
    const std::vector<float> part = damaged_row(all, 1, y, 57, 90);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), row.begin() + 77));
  }
}

}  // namespace
}  // namespace retina::phantom
