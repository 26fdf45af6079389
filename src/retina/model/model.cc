#include "retina/model/model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/net/weights.h"
#include "retina/tensor/safetensors.h"

namespace retina::model {

namespace fs = std::filesystem;

namespace {

void check_classes(const Card& card, const net::DenseNetwork& network, const std::string& source) {
  const int channels = network.head().channels;
  std::size_t expected = channels == 1 ? 2 : static_cast<std::size_t>(channels);
  if (network.head().name == "reconstruction") {
    expected = 0;
  }
  if (card.classes.size() != expected) {
    throw Error(
        ErrorKind::bad_data,
        Problem{.subject = fmt::format("model card '{}'", source),
                .found = fmt::format("{} classes", card.classes.size()),
                .expected = fmt::format("{}, background included: the network has {} output "
                                        "maps",
                                        expected, channels)});
  }
}

void write_model_files(const fs::path& folder, const Card& card, const net::DenseNetwork& network) {
  fs::create_directories(folder);
  core::write_atomically(folder / kCardFile, core::dump_json(to_json(card), 2) + "\n");
  tensor::NamedTensors state = net::state_dict(network);
  state.metadata["format"] = "pt";
  tensor::write_safetensors(folder / kWeightsFile, state);
}

}  // namespace

std::vector<fs::path> model_places() {
  std::vector<fs::path> places{"models"};
  if (const char* home = std::getenv("HOME")) {
    places.push_back(fs::path(home) / ".local/share/retina/models");
  }
  std::istringstream list(std::getenv("RETINA_MODELS") != nullptr ? std::getenv("RETINA_MODELS")
                                                                  : "");
  for (std::string place; std::getline(list, place, ':');) {
    if (!place.empty()) {
      places.emplace_back(place);
    }
  }
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  const fs::path beside = program.parent_path().parent_path() / "models";
  const bool is_new = std::none_of(places.begin(), places.end(), [&](const fs::path& place) {
    return fs::equivalent(beside, place, none);
  });
  if (is_new && fs::is_directory(beside, none)) {
    places.push_back(beside);  // of the archive that the program came in
  }
  return places;
}

fs::path find_model_folder(const fs::path& path) {
  std::vector<fs::path> candidates{path, path / "model"};
  if (!path.has_parent_path()) {  // a name
    for (const fs::path& place : model_places()) {
      candidates.push_back(place / path);
    }
  }
  for (const fs::path& folder : candidates) {
    if (fs::exists(folder / kCardFile)) {
      return folder;
    }
  }
  throw Error(
      ErrorKind::bad_data,
      Problem{.subject = fmt::format("model '{}'", path.string()),
              .found = fs::exists(path) ? "no model.json in it" : "it does not exist",
              .expected = "a model folder (model.json, weights.safetensors) or a run folder",
              .remedy = "give the folder that 'retina finetune -o' wrote, or a name that 'retina "
                        "models list' shows; RETINA_MODELS names further folders of models"});
}

Model load(const fs::path& path) {
  const fs::path folder = find_model_folder(path);
  const std::string card_path = (folder / kCardFile).string();
  Model model;
  model.card = card_from_json(core::read_json(folder / kCardFile), card_path);
  try {
    model.network = net::make_network(model.card.network, model.card.network_options);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, fmt::format("model card '{}': {}", card_path, error.what()));
  }
  check_classes(model.card, *model.network, card_path);
  const fs::path weights = folder / kWeightsFile;
  net::load_state_dict(*model.network, tensor::read_safetensors(weights), weights.string());
  model.network->eval();
  return model;
}

void save(const fs::path& folder, const Card& card, const net::DenseNetwork& network) {
  check_classes(card, network, (folder / kCardFile).string());
  const fs::path partial = core::partial_path(folder);
  fs::remove_all(partial);
  try {
    write_model_files(partial, card, network);
  } catch (...) {
    std::error_code ignored;  // that of the writing is the one to tell
    fs::remove_all(partial, ignored);
    throw;
  }
  core::rename_into_place(partial, folder);
}

Model with_window(const Model& model, int window) {
  Model result;
  result.card = model.card;
  result.card.network_options["window"] = window;
  result.network = net::make_network(result.card.network, result.card.network_options);
  const auto parameters = result.network->named_parameters();
  const at::Tensor& positions = parameters["transformer.embeddings.position_embeddings"];
  const auto side = std::llround(std::sqrt(static_cast<double>(positions.size(1))));
  net::load_state_dict(*result.network, net::with_grid(net::state_dict(*model.network), side),
                       result.card.name);
  result.network->eval();
  return result;
}

}  // namespace retina::model
