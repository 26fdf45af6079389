#include "retina/pipeline/models/models.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/core/problem_list.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/net/transfer.h"
#include "retina/net/weights.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/store/output.h"
#include "retina/tensor/npz.h"
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
    report.text =
        "no models in models/, ~/.local/share/retina/models, RETINA_MODELS or the archive\n";
  }
  return report;
}

std::string licence_text(const model::Card& card) {
  return card.licence.empty() ? "not stated" : card.licence;
}

std::string table_text(const char* name, const Json& table) {
  return table.empty() ? fmt::format("  {:<10}  none\n", name)
                       : fmt::format("  {}\n{}", name, table_lines(table, 4));
}

std::string voxels_text(const model::Card& card) {
  std::vector<std::string> voxels;
  for (const core::Vec3d& voxel_nm : card.voxel_nm_seen) {
    voxels.push_back(fmt::format("{:g} x {:g} x {:g}", voxel_nm[0], voxel_nm[1], voxel_nm[2]));
  }
  return voxels.empty() ? "not known" : fmt::format("{} nm (z, y, x)", fmt::join(voxels, ", "));
}

/// None of several output maps, the largest of which counts, and of images that are restored.
std::string threshold_text(const model::Card& card) {
  const Json maps = card.network_options.value("classes", Json(1));
  const bool is_used = !card.classes.empty() && core::whole_number_in<int>(maps) == 1;
  return is_used ? fmt::format("{:g}", card.threshold) : "none";
}

ModelsReport show_model(const ModelsOptions& options) {
  const fs::path folder = model::find_model_folder(options.path);
  const model::Card card = read_card(folder);
  ModelsReport report{.json = to_json(card), .text = {}};
  report.json["path"] = folder.string();
  report.text = fmt::format(
      "{}\n  folder      {}\n  classes     {}\n  window      {}\n  voxels      {}\n"
      "  range       {:.9g} to {:.9g} become 0 to 255\n"
      "  mean, std   {:.6f}, {:.6f} of pixels / 255\n"
      "  threshold   {}\n  licence     {}\n{}{}",
      card.name, folder.string(),
      card.classes.empty() ? "none: it restores images"
                           : fmt::format("{}", fmt::join(foreground_names(card), ", ")),
      core::whole_number_in<int>(card.network_options.value("window", Json())).value_or(0),
      voxels_text(card), card.preprocess.range.low, card.preprocess.range.high,
      card.preprocess.mean, card.preprocess.std, threshold_text(card), licence_text(card),
      table_text("metrics", card.metrics), table_text("provenance", card.provenance));
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
  if (imports) {
    store::refuse_foreign(output,
                          store::foreign_entries(output, [](const fs::directory_entry& entry) {
                            const fs::path name = entry.path().filename();
                            return name == "model.json" || name == "weights.safetensors";
                          }));
  }
}

/// The classes that the user names, else those `told` of the weights.
std::vector<model::ClassInfo> imported_classes(const ModelsOptions& options,
                                               const net::TransUNetOptions& network,
                                               const std::vector<model::ClassInfo>& told) {
  if (network.tail == net::TransUNetTail::reconstruction) {
    return {};
  }
  const std::size_t count =
      network.classes == 1 ? 1 : static_cast<std::size_t>(network.classes) - 1;
  if (options.classes.empty() && told.size() == count + 1) {
    return told;
  }
  if (!options.classes.empty() && options.classes.size() != count) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "classes",
                        .found = fmt::format("{} names", options.classes.size()),
                        .expected = fmt::format("{}, the background not listed", count),
                        .remedy = {}});
  }
  std::vector<model::ClassInfo> classes;
  classes.push_back({.id = 0, .name = "background"});
  for (std::size_t i = 0; i < count; ++i) {
    classes.push_back(
        {.id = static_cast<int>(i) + 1,
         .name = options.classes.empty() ? fmt::format("class{}", i + 1) : options.classes[i]});
  }
  return classes;
}

/// What the user states lies over the card that came with the weights.
model::Card imported_card(const ModelsOptions& options, const net::TransUNetOptions& network,
                          const InitialWeights& weights) {
  const fs::path file = options.path;
  model::Card card = weights.card.value_or(model::Card{});
  if (!options.name.empty() || card.name.empty()) {
    card.name = options.name.empty() ? file.stem().string() : options.name;
  }
  card.network_options = core::options_to_json(network);
  card.preprocess.mean = options.normalisation.mean.value_or(card.preprocess.mean);
  card.preprocess.std = options.normalisation.std.value_or(card.preprocess.std);
  card.licence = options.licence.empty() ? card.licence : options.licence;
  card.provenance["imported"] = file.filename().string();
  if (!weights.has_trained_decoder()) {
    card.provenance["trained"] = "transformer";
  }
  card.classes = imported_classes(options, network, card.classes);
  return card;
}

/// Of a window that the user gives, else of theirs.
net::TransUNetOptions network_of(const InitialWeights& weights, const ImportedNetwork& given) {
  net::TransUNetOptions network =
      net::options_of_weights(weights.state, given.options, weights.source);
  network.window = given.window.value_or(network.window);
  return network;
}

/// The network with the weights in it.
std::shared_ptr<net::DenseNetwork> filled_network(const net::TransUNetOptions& options,
                                                  const InitialWeights& weights,
                                                  const core::Context& context) {
  auto network = net::make_network("transunet", core::options_to_json(options));
  std::vector<std::string> notes;
  if (net::has_decoder(weights.state)) {
    const net::FittedState fitted = net::fitted_to_grid(*network, weights.state, weights.source);
    net::load_state_dict(*network, fitted.state, weights.source);
    notes.push_back(fitted.note);
  } else {
    notes = net::transfer_weights(*network, weights.state, net::TransferScope::transformer,
                                  weights.source)
                .notes;
    context.log->warn("{}: it has no decoder; that of the model is random", weights.source);
  }
  for (const std::string& note : notes) {
    if (!note.empty()) {
      context.log->info("{}", note);
    }
  }
  return network;
}

ModelsReport import_model(const ModelsOptions& options, const core::Context& context) {
  const core::OutputLock lock(options.output);  // first: what is there must not change any more
  require_free_output(options);
  const InitialWeights weights = read_initial_weights(options.path);
  const net::TransUNetOptions network = network_of(weights, options.network);
  const auto model = filled_network(network, weights, context);
  const model::Card card = imported_card(options, network, weights);
  if (!weights.card && (!options.normalisation.mean || !options.normalisation.std)) {
    context.log->warn(
        "the normalisation of these weights is not known: give --set normalisation.mean=... and "
        "--set normalisation.std=...");
  }
  model::save(options.output, card, *model);
  context.log->info("licence of these weights: {}", licence_text(card));
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

/// The card of the same weights, as an export that was killed leaves it, is in nobody's way.
void require_free_card(const ModelsOptions& options, const fs::path& file,
                       const std::string& card) {
  if (!fs::exists(file)) {
    return;
  }
  if (fs::is_regular_file(file) && (options.overwrite || core::read_text(file) == card)) {
    return;
  }
  throw Error(ErrorKind::usage,
              Problem{.subject = file.string(),
                      .found = "exists",
                      .expected = "a free name for the card of " + options.output,
                      .remedy = options.overwrite ? "choose another output" : "give --overwrite"});
}

/// Weights whose card has its place already. Where they cannot be written, there is nothing that it
/// would be the card of.
void write_beside_card(const fs::path& output, const tensor::NamedTensors& state,
                       const fs::path& card) {
  try {
    tensor::write_torch_file(output, state);
  } catch (...) {
    std::error_code ignored;  // that of the writing is the one to tell
    fs::remove(card, ignored);
    throw;
  }
}

/// Weights and their card in two files, of which a kill leaves no weights without their card where
/// there were none before, and never a card beside weights of another model.
fs::path write_torch_pair(const ModelsOptions& options, const model::Model& model,
                          const tensor::NamedTensors& state) {
  const fs::path output = options.output;
  const fs::path beside = card_beside(output);
  const std::string card = core::dump_json(model::to_json(model.card), 2) + "\n";
  require_free_card(options, beside, card);
  const bool replaces = fs::exists(output);
  if (replaces) {
    core::discard(beside);
    tensor::write_torch_file(output, state);
    core::write_atomically(beside, std::string_view(card));
  } else {
    core::write_atomically(beside, std::string_view(card));
    write_beside_card(output, state, beside);
  }
  return beside;
}

ModelsReport export_model(const ModelsOptions& options, const core::Context& context) {
  const core::OutputLock lock(options.output);  // first: what is there must not change any more
  require_free_output(options);
  const fs::path output = options.output;
  const model::Model model = model::load(options.path);
  tensor::NamedTensors state = net::state_dict(*model.network);
  ModelsReport report{
      .json = {{"output", options.output}, {"tensors", state.tensors.size()}},
      .text = fmt::format("{}: {} tensors\n", options.output, state.tensors.size())};
  if (output.extension() == ".safetensors") {
    state.metadata["format"] = "pt";
    net::tell_network(state, model.card.network_options);
    tell_card(state, model.card);
    tensor::write_safetensors(output, state);
  } else {
    const fs::path card = write_torch_pair(options, model, state);
    report.json["card"] = card.string();
    report.text += fmt::format("{}: their card; keep it beside them\n", card.string());
  }
  context.log->info("licence of these weights: {}", licence_text(model.card));
  return report;
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
