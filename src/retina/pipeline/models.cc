#include "retina/pipeline/models.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/problem_list.h"
#include "retina/model/model.h"
#include "retina/net/transfer.h"
#include "retina/net/weights.h"
#include "retina/pipeline/initial_weights.h"
#include "retina/tensor/safetensors.h"
#include "retina/tensor/torch_file.h"

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

model::Card read_card(const fs::path& folder) {
  const fs::path file = folder / "model.json";
  return model::card_from_json(core::read_json(file), file.string());
}

/// The folders in `place` that look like models, by name; a place need not exist.
std::vector<fs::path> model_folders(const fs::path& place) {
  std::vector<fs::path> folders;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(place, absent)) {
    if (fs::exists(entry.path() / "model.json", absent)) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Adds one model; one that cannot be read is listed with the reason.
void list_model(const fs::path& folder, ModelsReport& report) {
  const std::string name = folder.filename().string();
  Json entry{{"name", name}, {"path", folder.string()}};
  std::string what;
  try {
    const model::Card card = read_card(folder);
    const std::vector<std::string> classes = foreground_names(card);
    entry["classes"] = classes;
    entry["licence"] = card.licence;
    what = classes.empty() ? "(pre-trained)" : fmt::format("{}", fmt::join(classes, ", "));
  } catch (const std::exception& error) {
    entry["error"] = error.what();
    what = fmt::format("(cannot be read: {})", error.what());
  }
  report.json["models"].push_back(std::move(entry));
  report.text += fmt::format("{:<24} {:<32} {}\n", name, what, folder.string());
}

ModelsReport list_models() {
  ModelsReport report;
  report.json["models"] = Json::array();
  for (const fs::path& place : model::model_places()) {
    for (const fs::path& folder : model_folders(place)) {
      list_model(folder, report);
    }
  }
  if (report.text.empty()) {
    report.text = "no models in models/, ~/.local/share/retina/models or RETINA_MODELS\n";
  }
  return report;
}

ModelsReport show_model(const ModelsOptions& options) {
  const fs::path folder = model::find_model_folder(options.path);
  const model::Card card = read_card(folder);
  ModelsReport report{.json = to_json(card), .text = {}};
  report.json["path"] = folder.string();
  report.text = fmt::format(
      "{}\n  folder      {}\n  classes     {}\n  window      {}\n  mean, std   {:.6f}, {:.6f} of "
      "pixels / 255\n  licence     {}\n  metrics     {}\n  provenance  {}\n",
      card.name, folder.string(),
      card.classes.empty() ? "none: it restores images"
                           : fmt::format("{}", fmt::join(foreground_names(card), ", ")),
      card.network_options.value("window", 0), card.preprocess.mean, card.preprocess.std,
      card.licence.empty() ? "not stated" : card.licence, card.metrics.dump(),
      card.provenance.dump());
  return report;
}

/// Nothing but what this verb writes is ever replaced: a wrong path must not remove a folder.
void require_free_output(const ModelsOptions& options) {
  const fs::path output = options.output;
  if (!fs::exists(output)) {
    return;
  }
  if (!options.overwrite) {
    throw Error(ErrorKind::usage, Problem{.subject = options.output,
                                          .found = "exists",
                                          .expected = "a new output",
                                          .remedy = "give --overwrite"});
  }
  const bool imports = options.action == ModelsAction::import;
  const bool replaceable = imports ? fs::is_directory(output) &&
                                         (fs::is_empty(output) || fs::exists(output / "model.json"))
                                   : fs::is_regular_file(output);
  if (!replaceable) {
    throw Error(ErrorKind::usage,
                Problem{.subject = options.output,
                        .found = imports ? "something that is no model folder" : "no plain file",
                        .expected = imports ? "a model folder to overwrite" : "a file to overwrite",
                        .remedy = "choose another output"});
  }
}

model::Card imported_card(const ModelsOptions& options, const net::TransUNetOptions& network,
                          const InitialWeights& weights) {
  model::Card card;
  card.name = options.name.empty() ? fs::path(options.path).stem().string() : options.name;
  card.network_options = core::options_to_json(network);
  card.preprocess.mean = options.normalisation.mean.value_or(card.preprocess.mean);
  card.preprocess.std = options.normalisation.std.value_or(card.preprocess.std);
  card.licence = options.licence;
  card.provenance = {{"imported", fs::path(options.path).filename().string()}};
  if (weights.only_transformer()) {
    card.provenance["trained"] = "transformer";
  }
  if (network.tail == net::TransUNetTail::reconstruction) {
    return card;
  }
  const std::size_t count =
      network.classes == 1 ? 1 : static_cast<std::size_t>(network.classes) - 1;
  if (!options.classes.empty() && options.classes.size() != count) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "classes",
                        .found = fmt::format("{} names", options.classes.size()),
                        .expected = fmt::format("{}, the background not listed", count),
                        .remedy = {}});
  }
  card.classes.push_back({.id = 0, .name = "background"});
  for (std::size_t i = 0; i < count; ++i) {
    card.classes.push_back(
        {.id = static_cast<int>(i) + 1,
         .name = options.classes.empty() ? fmt::format("class{}", i + 1) : options.classes[i]});
  }
  return card;
}

ModelsReport import_model(const ModelsOptions& options, const core::Context& context) {
  require_free_output(options);
  InitialWeights weights;
  weights.source = options.path;
  weights.state = read_weights_file(options.path);
  const net::TransUNetOptions network =
      net::options_of_weights(weights.state, options.network, options.path);
  const auto model = net::make_network("transunet", core::options_to_json(network));
  if (net::has_decoder(weights.state)) {
    net::load_state_dict(*model, weights.state, options.path);
  } else {
    net::transfer_weights(*model, weights.state, net::TransferScope::transformer, options.path);
    context.log->warn("{}: it has no decoder; that of the model is random", options.path);
  }
  const model::Card card = imported_card(options, network, weights);
  if (!options.normalisation.mean || !options.normalisation.std) {
    context.log->warn(
        "the normalisation of these weights is not known: give --set normalisation.mean=... and "
        "--set normalisation.std=...");
  }
  model::save(options.output, card, *model);
  std::int64_t parameters = 0;
  for (const at::Tensor& parameter : model->parameters()) {
    parameters += parameter.numel();
  }
  return {.json = {{"output", options.output},
                   {"tensors", weights.state.tensors.size()},
                   {"parameters", parameters},
                   {"network", card.network_options}},
          .text = fmt::format("{}: {} tensors, {} parameters\n", options.output,
                              weights.state.tensors.size(), parameters)};
}

ModelsReport export_model(const ModelsOptions& options) {
  require_free_output(options);
  const fs::path output = options.output;
  const model::Model model = model::load(options.path);
  tensor::NamedTensors state = net::state_dict(*model.network);
  if (output.extension() == ".safetensors") {
    state.metadata["format"] = "pt";
    net::tell_network(state, model.card.network_options);
    tensor::write_safetensors(output, state);
  } else {
    tensor::write_torch_file(output, state);
  }
  return {.json = {{"output", options.output}, {"tensors", state.tensors.size()}},
          .text = fmt::format("{}: {} tensors\n", options.output, state.tensors.size())};
}

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

/// Another number of heads or another stride is another network of the same weights.
void warn_of_assumed(const Json& network, const std::string& path, const core::Context& context) {
  const Json defaults = core::options_to_json(net::TransUNetOptions{});
  for (const char* key : {"heads", "pixel_stride"}) {
    if (!network.contains(key)) {
      context.log->warn(
          "{}: these weights do not tell network.{}: {} is assumed; if that is "
          "wrong, give --set network.{}=N",
          path, key, defaults.at(key).dump(), key);
    }
  }
}

}  // namespace

std::vector<std::string> foreground_names(const model::Card& card) {
  std::vector<std::string> names;
  for (const model::ClassInfo& info : card.classes) {
    if (info.id != 0) {
      names.push_back(info.name);
    }
  }
  return names;
}

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
  return problems.take();
}

Json resolve_models(const Json& given, const core::Context& context) {
  Json config = from_their_keys(given);
  if (config.value("action", Json()) != Json(core::enum_name(ModelsAction::import)) ||
      !config.value("path", Json()).is_string()) {
    return config;
  }
  const fs::path path = config["path"].get<std::string>();
  if (path.extension() == ".safetensors" && fs::exists(path)) {
    config["network"] =
        core::merge(net::told_network(tensor::read_safetensors_metadata(path), path.string()),
                    config.value("network", Json::object()));
  }
  warn_of_assumed(config.value("network", Json::object()), path.string(), context);
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
      return export_model(options);
  }
  return {};
}

}  // namespace retina::pipeline
