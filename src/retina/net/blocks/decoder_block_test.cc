#include "retina/net/blocks/decoder_block.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TEST(DecoderBlock, DoublesTheSideAndReadsTheSkip) {
  DecoderBlock block(DecoderBlockOptions{.in_channels = 8, .skip_channels = 4, .out_channels = 6});
  block->eval();
  const at::Tensor x = at::randn({1, 8, 5, 5});
  const at::Tensor y = block->forward(x, at::zeros({1, 4, 10, 10}));
  EXPECT_EQ(y.sizes().vec(), (std::vector<std::int64_t>{1, 6, 10, 10}));
  EXPECT_FALSE(at::equal(y, block->forward(x, at::ones({1, 4, 10, 10}))));
}

TEST(DecoderBlock, ConcatenatesTheUpsampledMapFirst) {
  DecoderBlock block(DecoderBlockOptions{.in_channels = 2, .skip_channels = 3, .out_channels = 4});
  block->eval();
  const at::NoGradGuard no_grad;
  block->named_parameters()["conv1.0.weight"].narrow(1, 2, 3).zero_();  // blind to the skip
  const at::Tensor x = at::randn({1, 2, 4, 4});
  EXPECT_TRUE(at::equal(block->forward(x, at::zeros({1, 3, 8, 8})),
                        block->forward(x, at::randn({1, 3, 8, 8}))));
}

TEST(DecoderBlock, WorksWithoutASkip) {
  DecoderBlock block(DecoderBlockOptions{.in_channels = 8, .skip_channels = 0, .out_channels = 4});
  EXPECT_EQ(block->forward(at::randn({2, 8, 4, 4}), {}).size(1), 4);
}

}  // namespace
}  // namespace retina::net
