#include "retina/store/block.h"

#include <vector>

#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(Block, CellsCoverABlock) {
  std::vector<Index4> cells;
  for_each_cell({{0, 3, 0, 7}, {1, 2, 1, 2}}, {1, 4, 4, 4},
                [&](const Index4& cell) { cells.push_back(cell); });
  EXPECT_EQ(cells, (std::vector<Index4>{{0, 0, 0, 1}, {0, 0, 0, 2}, {0, 1, 0, 1}, {0, 1, 0, 2}}));
}

TEST(Block, AnEmptyBlockHasNoCells) {
  int visits = 0;
  for_each_cell({{0, 0, 0, 0}, {1, 0, 4, 4}}, {1, 2, 2, 2}, [&](const Index4&) { ++visits; });
  EXPECT_EQ(visits, 0);
}

TEST(Block, CopiesTheCommonPartWithChannels) {
  core::Array source(core::DType::u8, 2, {1, 2, 2});
  source.at<std::uint8_t>(1, 0, 1, 1) = 5;
  core::Array target(core::DType::u8, 1, {1, 3, 3});
  copy_block(source, {0, 0, 0, 0}, target, {1, 0, 1, 1});
  EXPECT_EQ(target.at<std::uint8_t>(0, 0, 0, 0), 5);
}

}  // namespace
}  // namespace retina::store
