#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "retina/core/rng.h"
#include "retina/core/volume.h"
#include "retina/model/model.h"
#include "retina/pipeline/predict.h"
#include "retina/store/open.h"
#include "retina/testing/stopping_context.h"

namespace retina::pipeline {

/// A small network without training, of `channels` outputs.
inline std::string save_tiny_model(const std::filesystem::path& folder, int channels) {
  torch::manual_seed(1);
  model::Card card;
  card.name = "tiny";
  card.network_options = {{"window", 64},
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
  const auto network = net::make_network("transunet", card.network_options);
  network->eval();
  model::save(folder, card, *network);
  return folder.string();
}

inline core::Array noise(const core::Vec3& shape, std::uint64_t seed) {
  core::Array array(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return array;
}

inline std::string write_volume(const std::filesystem::path& path, const core::Array& values,
                                std::optional<core::Vec3d> voxel_nm = std::nullopt) {
  store::CreateOptions how;
  how.shape = values.shape();
  how.voxel_nm = voxel_nm;
  const auto volume = store::create(path.string(), how);
  volume->write(core::whole(values.shape()), values);
  volume->finish();
  return path.string();
}

inline core::Array read_volume(const std::string& path) {
  const auto volume = store::open(path);
  return volume->read(core::whole(volume->shape()));
}

inline PredictOptions prediction_of(const std::string& model, const std::string& input,
                                    const std::string& output) {
  PredictOptions options;
  options.model = model;
  options.input = input;
  options.output = output;
  options.precision = tensor::Precision::fp32;
  options.threads = 1;
  return options;
}

/// In which a stop is asked for at the first sign of progress.
inline core::Context context_that_stops_soon() {
  return retina::testing::stopping_context(
      [](const retina::testing::Reported& reported) { return reported.is_update(); });
}

}  // namespace retina::pipeline
