#include "retina/pipeline/models/model_import.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/lock.h"
#include "retina/core/options.h"
#include "retina/model/card.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/net/transfer.h"
#include "retina/net/transunet_options.h"
#include "retina/net/weights.h"
#include "retina/pipeline/models/free_output.h"
#include "retina/pipeline/models/initial_weights.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

ModelsReport import_model(const ModelsOptions& options, const core::Context& context) {
  const core::OutputLock lock(options.output);  // first: what is there must not change any more
  require_free_folder(options.output, options.overwrite);
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
  context.log->info("licence of these weights: {}", model::licence_text(card));
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

}  // namespace retina::pipeline
