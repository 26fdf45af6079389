#pragma once

#include <torch/nn/modules/container/modulelist.h>

#include "retina/net/blocks/decoder_block.h"
#include "retina/net/encoders/vision_transformer.h"

namespace retina::net {

/// Channels entering decoder block `index`, its skip and its output.
DecoderBlockOptions decoder_block_options(const TransUNetOptions& options, std::size_t index);

/// Tokens back to a map, then four upsampling blocks with skips to the full input side.
class CascadeDecoderImpl : public torch::nn::Module {
 public:
  explicit CascadeDecoderImpl(const TransUNetOptions& options);
  /// -> features_NCYX at the side of the input.
  at::Tensor forward(const EmbeddedTokens& embedded);

 private:
  int grid_;
  ConvNormRelu conv_more_;
  std::vector<DecoderBlock> blocks_;
  torch::nn::ModuleList block_list_;
};
TORCH_MODULE(CascadeDecoder);

}  // namespace retina::net
