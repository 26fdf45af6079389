#pragma once

#include "retina/net/transunet_options.h"

namespace retina::net {

/// A TransUNet that is built in milliseconds.
inline TransUNetOptions toy_transunet() {
  return {.window = 32,
          .hidden = 12,
          .mlp = 20,
          .heads = 3,
          .layers = 2,
          .resnet_units = {1, 2, 1},
          .width_factor = 0.25,
          .group_norm_groups = 4,
          .decoder_head_channels = 8,
          .decoder_channels = {8, 8, 4, 4}};
}

}  // namespace retina::net
