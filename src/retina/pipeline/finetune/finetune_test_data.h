#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "retina/core/json.h"
#include "retina/net/network.h"
#include "retina/net/transunet_options.h"
#include "retina/net/weights.h"
#include "retina/store/open.h"
#include "retina/tensor/safetensors.h"

namespace retina::pipeline {

/// A PNG of `side` pixels: bright squares on a texture (image) or 1 in them (labels).
inline void write_toy_png(const std::filesystem::path& path, std::int64_t side, int seed,
                          bool labels) {
  core::Array pixels(core::DType::u8, 1, {1, side, side});
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      const bool inside = (y + 5 * seed) % 24 < 12 && (x + 3 * seed) % 24 < 12;
      const auto texture = (x * 37 + y * 101 + seed * 17) % 50;
      pixels.at<std::uint8_t>(0, 0, y, x) =
          static_cast<std::uint8_t>(labels ? inside : texture + (inside ? 150 : 40));
    }
  }
  std::filesystem::create_directories(path.parent_path());
  store::CreateOptions options;
  options.shape = {1, side, side};
  options.is_labels = labels;
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole(options.shape), pixels);
  volume->finish();
}

/// The weights of a small image-restoration network as a file; its path.
inline std::string write_pretrained(const std::filesystem::path& folder) {
  const net::TransUNetOptions options{.window = 64,
                                      .hidden = 16,
                                      .mlp = 32,
                                      .heads = 2,
                                      .layers = 1,
                                      .resnet_units = {1, 1, 1},
                                      .width_factor = 0.5,
                                      .decoder_head_channels = 32,
                                      .decoder_channels = {16, 16, 8, 8},
                                      .tail = net::TransUNetTail::reconstruction};
  const auto path = folder / "pretrained.safetensors";
  tensor::write_safetensors(
      path, net::state_dict(*net::make_network("transunet", core::options_to_json(options))));
  return path.string();
}

/// Options of a network of a few layers.
inline Json toy_network() {
  return {{"window", 64},
          {"hidden", 16},
          {"mlp", 32},
          {"heads", 2},
          {"layers", 1},
          {"resnet_units", {1, 1, 1}},
          {"decoder_head_channels", 32},
          {"decoder_channels", {16, 16, 8, 8}}};
}

/// Configuration of a run that takes a second: three images to train on, one held out, a network of
/// a few layers, in `folder`.
inline Json toy_run(const std::filesystem::path& folder) {
  for (int i = 0; i < 4; ++i) {
    const auto part = folder / (i < 3 ? "train" : "held_out");
    const std::string name = "slice" + std::to_string(i) + ".png";
    if (!std::filesystem::exists(part / "images" / name)) {
      write_toy_png(part / "images" / name, 80, i, false);
      write_toy_png(part / "masks" / name, 80, i, true);
    }
  }
  return {{"preset", "retina-tiny"},
          {"classes", {"square"}},
          {"data", {{"path", (folder / "train").string()}}},
          {"validation", {{"data", {{"path", (folder / "held_out").string()}}}}},
          {"network", toy_network()},
          {"batch", 2},
          {"steps", 6},
          {"log_every", 1},
          {"precision", "fp32"},
          {"device", "cpu"},
          {"threads", 1}};
}

}  // namespace retina::pipeline
