#include "retina/net/decoders/cascade_decoder.h"

#include <ATen/ATen.h>

namespace retina::net {

DecoderBlockOptions decoder_block_options(const TransUNetOptions& options, std::size_t index) {
  const int root = options.root_channels();
  const std::array<int, 4> skips{8 * root, 4 * root, root, 0};
  return {.in_channels =
              index == 0 ? options.decoder_head_channels : options.decoder_channels[index - 1],
          .skip_channels = skips.at(index),
          .out_channels = options.decoder_channels[index]};
}

CascadeDecoderImpl::CascadeDecoderImpl(const TransUNetOptions& options)
    : grid_(options.grid()),
      conv_more_(register_module("conv_more",
                                 ConvNormRelu(options.hidden, options.decoder_head_channels))),
      block_list_(register_module("blocks", torch::nn::ModuleList())) {
  for (std::size_t i = 0; i < options.decoder_channels.size(); ++i) {
    blocks_.emplace_back(decoder_block_options(options, i));
    block_list_->push_back(blocks_.back());
  }
}

at::Tensor CascadeDecoderImpl::forward(const EmbeddedTokens& embedded) {
  const at::Tensor map_NHYX = embedded.tokens_NTH.transpose(1, 2).unflatten(2, {grid_, grid_});
  at::Tensor x = conv_more_->forward(map_NHYX);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = blocks_[i]->forward(x,
                            i < embedded.skips_NCYX.size() ? embedded.skips_NCYX[i] : at::Tensor());
  }
  return x;
}

}  // namespace retina::net
