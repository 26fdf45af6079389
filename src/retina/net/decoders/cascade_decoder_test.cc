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
  options.window = 32;
  options.hidden = 4;
  options.decoder_head_channels = 8;
  options.decoder_channels = {8, 8, 8, 4};
  options.width_factor = 0.5;
  CascadeDecoder decoder(options);
  decoder->eval();
  const EmbeddedTokens embedded{.tokens_NTH = at::randn({1, 4, 4}),
                                .skips_NCYX = {at::zeros({1, 256, 4, 4}), at::zeros({1, 128, 8, 8}),
                                               at::zeros({1, 32, 16, 16})}};
  const at::Tensor features = decoder->forward(embedded);
  ASSERT_EQ(features.sizes().vec(), (std::vector<std::int64_t>{1, 4, 32, 32}));
  EmbeddedTokens moved = embedded;
  moved.tokens_NTH = embedded.tokens_NTH.clone();
  moved.tokens_NTH.select(1, 1).add_(3);  // token 1 = row 0, column 1
  const at::Tensor change = (decoder->forward(moved) - features).abs().sum({0, 1});
  EXPECT_GT(change.narrow(0, 0, 16).narrow(1, 16, 16).sum().item<float>(),
            change.narrow(0, 16, 16).narrow(1, 0, 16).sum().item<float>());
}

}  // namespace
}  // namespace retina::net
