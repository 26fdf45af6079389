#pragma once

#include <string>
#include <vector>

#include "retina/core/options.h"

namespace retina::net {

/// What the network ends in.
enum class TransUNetTail {
  segmentation,    ///< 3x3 convolution to the classes
  reconstruction,  ///< 3x3 convolution to one image ("FinalDecoder"): image restoration
};

constexpr core::EnumTable<TransUNetTail, 2> enum_table(TransUNetTail) {
  return {{{TransUNetTail::segmentation, "segmentation"},
           {TransUNetTail::reconstruction, "reconstruction"}}};
}

/// Shape of a 2D TransUNet. The defaults are the published RETINA network (retina.md section 1).
struct TransUNetOptions {
  int window = 224;
  int in_channels = 1;
  int classes = 1;
  int hidden = 192;
  int mlp = 768;
  int heads = 12;
  int layers = 12;
  double dropout = 0.1;
  std::vector<int> resnet_units{3, 4, 9};
  double width_factor = 1;
  int group_norm_groups = 32;
  int decoder_head_channels = 512;
  std::vector<int> decoder_channels{256, 128, 64, 16};
  TransUNetTail tail = TransUNetTail::segmentation;
  int pixel_stride = 1;
  double foreground_prior = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("window", self.window,
          "side of the square input in pixels, a multiple of 16 * pixel_stride");
    visit("in_channels", self.in_channels, "1 (copied to three) or 3");
    visit("classes", self.classes, "output maps; 1 = one class against the background");
    visit("hidden", self.hidden, "width of the transformer");
    visit("mlp", self.mlp, "width inside the transformer's feed-forward layers");
    visit("heads", self.heads, "attention heads");
    visit("layers", self.layers, "transformer blocks");
    visit("dropout", self.dropout,
          "dropout probability after positions and in feed-forward layers");
    visit("resnet_units", self.resnet_units, "bottlenecks of the three ResNet blocks");
    visit("width_factor", self.width_factor, "ResNet width, 1 = 64 channels in the root");
    visit("group_norm_groups", self.group_norm_groups,
          "groups of GroupNorm (fewer channels: one each)");
    visit("decoder_head_channels", self.decoder_head_channels, "channels entering the decoder");
    visit("decoder_channels", self.decoder_channels, "channels of the four decoder blocks");
    visit("tail", self.tail, "segmentation or reconstruction");
    visit("pixel_stride", self.pixel_stride,
          "image pixels along each side that are averaged to one pixel of the network; its logits "
          "are interpolated back (ours; published: 1)");
    visit("foreground_prior", self.foreground_prior,
          "probability of foreground that an untrained head predicts; 0 = as published");
  }
  std::vector<Problem> validate() const;

  int root_channels() const { return static_cast<int>(64 * width_factor); }
  int grid() const { return window / (16 * pixel_stride); }  ///< tokens along a side
  /// Groups of a GroupNorm over `channels`.
  int groups(int channels) const { return std::min(group_norm_groups, channels); }
};

}  // namespace retina::net
