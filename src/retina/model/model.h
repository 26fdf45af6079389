#pragma once

#include <filesystem>
#include <memory>

#include "retina/model/card.h"
#include "retina/net/network.h"

namespace retina::model {

/// A model folder in memory.
struct Model {
  Card card;
  std::shared_ptr<net::DenseNetwork> network;  ///< float32 on the CPU, eval mode
};

/// The model folder that a user means by `path`: a model folder itself, or the model/ of a run
/// folder. bad_data otherwise.
std::filesystem::path find_model_folder(const std::filesystem::path& path);

/// Reads a model folder (model.json + weights.safetensors), or a run folder (its model/). bad_data
/// naming the file for anything missing, unknown or of another network.
Model load(const std::filesystem::path& path);

/// Writes aside, then renames; a model folder in the way is replaced.
void save(const std::filesystem::path& folder, const Card& card, const net::DenseNetwork& network);

/// The model for windows of another side (multiple of 16): the position table is resampled
/// (net::with_grid). An extension: the published network knows one window.
Model with_window(const Model& model, int window);

}  // namespace retina::model
