#pragma once

#include <cstdint>
#include <string>

#include "retina/model/card.h"

namespace retina::model {

/// The card of a network as small as it gets, of `channels` outputs.
inline Card tiny_card(int channels, std::int64_t window) {
  Card card;
  card.name = "tiny";
  card.network_options = {{"window", window},
                          {"classes", channels},
                          {"hidden", 8},
                          {"mlp", 8},
                          {"heads", 2},
                          {"layers", 1},
                          {"resnet_units", {1, 1, 1}},
                          {"width_factor", 0.25},
                          {"group_norm_groups", 4},
                          {"decoder_head_channels", 8},
                          {"decoder_channels", {8, 8, 8, 8}}};
  card.classes = {{0, "background"}, {1, "mitochondria"}};
  for (int id = 2; id < channels; ++id) {
    card.classes.push_back({id, "class " + std::to_string(id)});
  }
  return card;
}

}  // namespace retina::model
