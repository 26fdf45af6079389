#pragma once

#include "retina/core/json.h"
#include "retina/net/transunet_options.h"

namespace retina::net {

/// Tests only: the network that the `config.json` of a parity fixture describes in the words of the
/// published code; keys that are absent keep the published default.
inline TransUNetOptions options_of_fixture(const Json& config) {
  TransUNetOptions options;
  options.window = config.value("img_size", options.window);
  options.classes = config.value("n_classes", options.classes);
  options.hidden = config.value("hidden_size", options.hidden);
  options.mlp = config.value("mlp_dim", options.mlp);
  options.heads = config.value("num_heads", options.heads);
  options.layers = config.value("num_layers", options.layers);
  options.resnet_units = config.value("resnet_units", options.resnet_units);
  options.width_factor = config.value("width_factor", options.width_factor);
  options.group_norm_groups = config.value("group_norm_groups", options.group_norm_groups);
  options.decoder_channels = config.value("decoder_channels", options.decoder_channels);
  options.decoder_head_channels =
      config.value("decoder_head_channels", options.decoder_head_channels);
  options.dropout = 0;  // all fixtures were made without
  if (config.value("kind", "finetune") == "pretrain") {
    options.tail = TransUNetTail::reconstruction;
  }
  return options;
}

}  // namespace retina::net
