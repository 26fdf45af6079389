#include "retina/pipeline/models/models.h"

#include <array>
#include <filesystem>
#include <utility>

#include "retina/core/problem_list.h"
#include "retina/net/transfer.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/models/model_export.h"
#include "retina/pipeline/models/model_import.h"
#include "retina/pipeline/models/model_listing.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/tensor/npz.h"
#include "retina/tensor/safetensors.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// Keys of the published code's configuration and ours.
constexpr std::array<std::pair<const char*, const char*>, 11> kTheirKeys{
    {{"img_size", "window"},
     {"n_classes", "classes"},
     {"hidden_size", "hidden"},
     {"mlp_dim", "mlp"},
     {"num_heads", "heads"},
     {"num_layers", "layers"},
     {"dropout_rate", "dropout"},
     {"resnet_units", "resnet_units"},
     {"width_factor", "width_factor"},
     {"group_norm_groups", "group_norm_groups"},
     {"decoder_channels", "decoder_channels"}}};

Json from_their_keys(const Json& given) {
  if (!given.contains("hidden_size") && !given.contains("img_size") &&
      !given.contains("num_heads")) {
    return given;
  }
  const Json ours = core::options_to_json(ModelsOptions{});
  Json config = Json::object();
  for (const auto& [key, value] : given.items()) {
    if (ours.contains(key)) {
      config[key] = value;
    }
  }
  Json network{{"pixel_stride", 1}};  // theirs has none
  for (const auto& [theirs, name] : kTheirKeys) {
    if (given.contains(theirs)) {
      network[name] = given[theirs];
    }
  }
  config["network"] = core::merge(network, config.value("network", Json::object()));
  if (given.contains("norms")) {
    config["normalisation"] = given["norms"];
  }
  return config;
}

/// The options of a network that a file of weights tells.
Json told_options(const std::string& path) {
  if (const auto card = told_card(path)) {
    return card->network_options;
  }
  switch (weights_format(path)) {
    case WeightsFormat::safetensors:
      return net::told_network(tensor::read_safetensors_metadata(path), path);
    case WeightsFormat::npz:
      return net::told_by_imagenet(tensor::read_npz_shapes(path));
    case WeightsFormat::torch:
      break;
  }
  return Json::object();
}

}  // namespace

std::vector<Problem> ModelsOptions::validate() const {
  ProblemList problems;
  const bool writes = action == ModelsAction::import || action == ModelsAction::export_weights;
  problems.require(action == ModelsAction::list || !path.empty(), "path", "nothing",
                   action == ModelsAction::import ? "a file of weights" : "a model");
  problems.require(!writes || !output.empty(), "output", "nothing", "where to write",
                   "give -o OUTPUT");
  if (action == ModelsAction::export_weights && !output.empty()) {
    const std::string extension = fs::path(output).extension().string();
    problems.require(extension == ".safetensors" || extension == ".pth" || extension == ".pt",
                     "output", "'" + extension + "'", ".safetensors, .pth or .pt");
  }
  problems.add(normalisation.validate());
  return problems.take();
}

Json resolve_models(const Json& given, const core::Context& context) {
  Json config = from_their_keys(given);
  if (config.value("action", Json()) != Json(core::enum_name(ModelsAction::import)) ||
      !config.value("path", Json()).is_string()) {
    return config;
  }
  const auto path = config["path"].get<std::string>();
  if (path.empty()) {
    return config;  // which is told with all else that is wrong
  }
  Json told = told_options(path);
  told.erase("window");  // their positions tell it; only a given one makes them another size
  config["network"] = core::merge(std::move(told), config.value("network", Json::object()));
  warn_of_assumed(config["network"], {}, path, context);
  return config;
}

ModelsReport models(const ModelsOptions& options, const core::Context& context) {
  switch (options.action) {
    case ModelsAction::list:
      return list_models();
    case ModelsAction::show:
      return show_model(options);
    case ModelsAction::import:
      return import_model(options, context);
    case ModelsAction::export_weights:
      return export_model(options, context);
  }
  return {};
}

}  // namespace retina::pipeline
