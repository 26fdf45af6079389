#include "retina/net/decoders/cascade_decoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TEST(CascadeDecoder, ChannelsFollowWidthAndDecoderChannels) {
  const TransUNetOptions published;
  const auto sum_of = [](const DecoderBlockOptions& block) {
    return block.in_channels + block.skip_channels;
  };
  EXPECT_EQ(sum_of(decoder_block_options(published, 0)), 1024);
  EXPECT_EQ(sum_of(decoder_block_options(published, 1)), 512);
  EXPECT_EQ(sum_of(decoder_block_options(published, 2)), 192);
  EXPECT_EQ(sum_of(decoder_block_options(published, 3)), 64);
}

TEST(CascadeDecoder, TokensAreRowsOfTheMap) {
  TransUNetOptions options;
  options.window = 128;
  options.hidden = 4;
  options.decoder_head_channels = 8;
  options.decoder_channels = {8, 8, 8, 4};
  options.width_factor = 0.5;
  at::manual_seed(3);
  CascadeDecoder decoder(options);
  decoder->eval();
  const EmbeddedTokens embedded{
      .tokens_NTH = at::randn({1, 64, 4}),
      .skips_NCYX = {at::zeros({1, 256, 16, 16}), at::zeros({1, 128, 32, 32}),
                     at::zeros({1, 32, 64, 64})}};
  const at::Tensor features = decoder->forward(embedded);
  ASSERT_EQ(features.sizes().vec(), (std::vector<std::int64_t>{1, 4, 128, 128}));
  EmbeddedTokens moved = embedded;
  moved.tokens_NTH = embedded.tokens_NTH.clone();
  moved.tokens_NTH.select(1, 7).add_(9);  // token 7 = row 0, column 7: the upper right corner
  const at::Tensor change =
      (decoder->forward(moved) - features).abs().sum(std::vector<std::int64_t>{0, 1});
  const auto near = change.narrow(0, 0, 32).narrow(1, 96, 32).sum().item<float>();
  // what is left far away is the rounding of other sums
  EXPECT_LT(change.narrow(0, 80, 48).sum().item<float>(), near / 50);
  EXPECT_LT(change.narrow(1, 0, 48).sum().item<float>(), near / 50);
}

}  // namespace
}  // namespace retina::net
