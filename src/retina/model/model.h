#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "retina/model/card.h"
#include "retina/net/network.h"

namespace retina::model {

/// The files of a model folder.
inline constexpr const char* kCardFile = "model.json";
inline constexpr const char* kWeightsFile = "weights.safetensors";

/// A model folder in memory.
struct Model {
  Card card;
  std::shared_ptr<net::DenseNetwork> network;  ///< float32 on the CPU, eval mode
};

/// Where models are looked for by name: models/ here, ~/.local/share/retina/models, the folders of
/// RETINA_MODELS (separated by colons), and models/ of the archive that the program came in.
std::vector<std::filesystem::path> model_places();

/// The model folder that a user means by `path`: a model folder itself, the model/ of a run folder,
/// or the name of a model in one of model_places(). bad_data otherwise.
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
