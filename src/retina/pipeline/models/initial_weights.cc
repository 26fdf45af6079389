#include "retina/pipeline/models/initial_weights.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/models/transfer_record.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/pipeline/run/preset_recipe.h"
#include "retina/trainer/optimizer.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

void count(TensorCount& count, std::int64_t parameters) {
  ++count.tensors;
  count.parameters += parameters;
}

using Row = std::pair<const char*, const TensorCount*>;

std::array<Row, 5> rows_of(const TransferSummary& summary) {
  return {{{"moved", &summary.moved},
           {"re-initialised", &summary.reinitialised},
           {"frozen", &summary.frozen},
           {"trainable", &summary.trainable},
           {"ignored", &summary.ignored}}};
}

const char* word_of(net::Fate fate) {
  switch (fate) {
    case net::Fate::moved:
      return "moved";
    case net::Fate::reinitialised:
      return "re-initialised";
    case net::Fate::ignored:
      return "ignored";
  }
  return "";
}

/// The side that the user gives to the window or to the crops that fill it.
std::optional<int> given_window(const Json& given) {
  for (const auto& [table, key] : {std::pair{"network", "window"}, std::pair{"augment", "size"}}) {
    if (given.contains(table) && given.at(table).contains(key)) {
      int side = 0;
      core::from_json_value(side, given.at(table).at(key), fmt::format("{}.{}", table, key));
      return side;
    }
  }
  return std::nullopt;
}

/// The window of a training whose recipe has `usual`, from weights of window `own`. A preset's two
/// recipes may differ in it on purpose: weights of the other one's window go over to `usual`.
int window_after(const InitialWeights& weights, const std::string& preset, int own, int usual) {
  const Json made_by =
      weights.only_transformer() ? pretraining_recipe(preset) : preset_recipe(preset, 1);
  return made_by.at("network").at("window") == Json(own) ? usual : own;
}

bool moves_head(const net::TransferReport& report) {
  return std::any_of(
      report.tensors.begin(), report.tensors.end(), [](const net::TransferredTensor& tensor) {
        return tensor.fate == net::Fate::moved && tensor.name.starts_with("segmentation_head.");
      });
}

/// True if the one network may be of the other one's preset.
bool differ_in_window_alone(net::TransUNetOptions one, const net::TransUNetOptions& other) {
  one.window = other.window;
  return core::options_to_json(one) == core::options_to_json(other);
}

}  // namespace

std::optional<std::string> InitialWeights::preset() const {
  if (!card) {
    return std::nullopt;
  }
  const Json stated = card->provenance.value("preset", Json());
  const std::string made_with = stated.is_string() ? stated.get<std::string>() : card->name;
  const std::vector<std::string> known = net::preset_names();
  return std::find(known.begin(), known.end(), made_with) != known.end() ? std::optional(made_with)
                                                                         : std::nullopt;
}

Json InitialWeights::told_network() const {
  return card ? card->network_options : net::told_network(state.metadata, source);
}

net::TransUNetOptions InitialWeights::network(const net::TransUNetOptions& base) const {
  net::TransUNetOptions options = base;
  core::from_json_value(options, told_network(), source);
  if (!card) {
    options = net::options_of_weights(state, options, source);
  }
  options.in_channels = base.in_channels;
  options.classes = base.classes;
  options.tail = base.tail;
  options.foreground_prior = base.foreground_prior;
  return options;
}

bool InitialWeights::has_trained_decoder() const {
  const bool by_card = card && card->provenance.value("trained", Json()) == Json("transformer");
  return !by_card && net::has_decoder(state);
}

bool InitialWeights::only_transformer() const {
  return net::is_restoration_state(state) || !has_trained_decoder();
}

InitialWeights read_initial_weights(const std::string& path) {
  InitialWeights weights;
  weights.source = path;
  if (fs::is_regular_file(path)) {
    weights.state = read_weights_file(path);
    weights.card = told_card(path);
    return weights;
  }
  model::Model model = model::load(path);
  weights.state = net::state_dict(*model.network);
  weights.card = std::move(model.card);
  return weights;
}

void warn_of_assumed(const Json& told, const net::TransUNetOptions& assumed,
                     const std::string& source, const core::Context& context) {
  const Json values = core::options_to_json(assumed);
  for (const char* key : {"heads", "pixel_stride"}) {
    if (!told.contains(key)) {
      context.log->warn(
          "{}: these weights do not tell network.{}: {} is assumed; if that is wrong, give --set "
          "network.{}=N",
          source, key, core::dump_json(values.at(key)), key);
    }
  }
}

std::string preset_after(const InitialWeights& weights, const Json& given) {
  std::string preset = weights.preset().value_or(FinetuneOptions{}.preset);
  if (given.contains("preset")) {
    core::from_json_value(preset, given.at("preset"), "preset");
  }
  return preset;
}

Json fitted_network(const InitialWeights& weights, const Json& network, const Json& given,
                    const core::Context& context) {
  const Json own = given.value("network", Json::object());
  net::TransUNetOptions base;
  core::from_json_value(base, core::merge(network, own), "network");
  net::TransUNetOptions fitted = weights.network(base);
  if (!given.contains("preset") || !differ_in_window_alone(fitted, base)) {
    warn_of_assumed(core::merge(weights.told_network(), own), base, weights.source, context);
  }
  fitted.window = given_window(given).value_or(
      window_after(weights, preset_after(weights, given), fitted.window, base.window));
  return core::options_to_json(fitted);
}

std::string licence_over(const std::string& stated, const InitialWeights& weights) {
  return stated.empty() && weights.card ? weights.card->licence : stated;
}

net::TransferScope resolved_scope(net::TransferScope scope, const InitialWeights& weights) {
  if (scope != net::TransferScope::automatic) {
    return scope;
  }
  return weights.only_transformer() ? net::TransferScope::transformer : net::TransferScope::all;
}

TransferSummary transfer_into(torch::nn::Module& network, const InitialWeights& weights,
                              net::TransferScope scope, const std::vector<std::string>& freeze) {
  TransferSummary summary;
  summary.source = weights.source;
  summary.scope = scope;
  summary.report = net::transfer_weights(network, weights.state, scope, weights.source);
  if (weights.card && moves_head(summary.report)) {
    summary.head_classes = model::foreground_names(*weights.card);
  }
  if (weights.card && !weights.card->licence.empty()) {
    summary.report.notes.push_back("their licence: " + weights.card->licence);
  }
  if (weights.told_network().value("in_channels", 1) != 1) {
    summary.report.notes.push_back(
        "they were trained on 3 channels; images have one here, which is given to each of them");
  }
  for (const net::TransferredTensor& tensor : summary.report.tensors) {
    if (tensor.fate == net::Fate::ignored) {
      count(summary.ignored, tensor.parameters);
      continue;
    }
    count(tensor.fate == net::Fate::moved ? summary.moved : summary.reinitialised,
          tensor.parameters);
    const bool frozen = std::any_of(freeze.begin(), freeze.end(), [&](const auto& pattern) {
      return trainer::name_matches(tensor.name, pattern);
    });
    count(frozen ? summary.frozen : summary.trainable, tensor.parameters);
  }
  return summary;
}

Json to_json(const TransferSummary& summary) {
  Json json{{"source", summary.source},
            {"digest", summary.digest},
            {"scope", core::enum_name(summary.scope)},
            {"notes", summary.report.notes}};
  for (const auto& [name, count] : rows_of(summary)) {
    json["counts"][name] = {{"tensors", count->tensors}, {"parameters", count->parameters}};
  }
  for (const net::TransferredTensor& tensor : summary.report.tensors) {
    Json entry{
        {"name", tensor.name}, {"fate", word_of(tensor.fate)}, {"parameters", tensor.parameters}};
    if (!tensor.reason.empty()) {
      entry["reason"] = tensor.reason;
    }
    json["tensors"].push_back(std::move(entry));
  }
  return json;
}

std::string to_text(const TransferSummary& summary) {
  std::string text =
      fmt::format("weights from {} (transfer {}):\n{:<16}{:>9}{:>14}", summary.source,
                  core::enum_name(summary.scope), "", "tensors", "parameters");
  for (const auto& [name, count] : rows_of(summary)) {
    text += fmt::format("\n{:<16}{:>9}{:>14}", name, count->tensors, count->parameters);
  }
  for (const std::string& note : summary.report.notes) {
    text += "\n" + note;
  }
  return text;
}

void write_transfer(const std::filesystem::path& run, const TransferSummary& summary) {
  core::write_atomically(transfer_path(run), core::dump_json(to_json(summary), 1) + "\n");
}

}  // namespace retina::pipeline
