#include "retina/pipeline/models/model_export.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/model/card.h"
#include "retina/model/model.h"
#include "retina/net/transfer.h"
#include "retina/net/weights.h"
#include "retina/pipeline/models/free_output.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/tensor/safetensors.h"
#include "retina/tensor/torch_file.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

ModelsReport export_model(const ModelsOptions& options, const core::Context& context) {
  const core::OutputLock lock(options.output);  // first: what is there must not change any more
  require_free_file(options.output, options.overwrite);
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
  context.log->info("licence of these weights: {}", model::licence_text(model.card));
  return report;
}

}  // namespace retina::pipeline
