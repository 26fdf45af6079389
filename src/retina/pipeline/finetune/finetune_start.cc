#include "retina/pipeline/finetune/finetune_start.h"

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/model/card.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {

model::Model load_start(const FinetuneOptions& options) {
  Problem problem{
      .subject = "leave_one_region_out: init", .found = {}, .expected = {}, .remedy = {}};
  const InitialWeights weights = read_initial_weights(options.init);
  if (std::filesystem::is_regular_file(options.init)) {
    problem.found = "a file of weights";
    problem.expected = "a model folder, which tells how its network is used";
    problem.remedy = "make one with 'retina models import'";
  } else if (weights.only_transformer()) {
    problem.found = "a network that does not segment yet";
    problem.expected = "a fine-tuned model: there is no gain over one that predicts nothing";
  } else if (model::foreground_names(*weights.card) != options.classes) {
    problem.found =
        fmt::format("classes {}", fmt::join(model::foreground_names(*weights.card), ", "));
    problem.expected = fmt::format("those of this training, {}", fmt::join(options.classes, ", "));
    problem.remedy = "give --classes as the model has them";
  } else {
    const auto folder = std::filesystem::weakly_canonical(model::find_model_folder(options.init));
    const auto place = folder.lexically_relative(std::filesystem::weakly_canonical(options.output));
    if (!place.empty() && *place.begin() != "..") {
      problem.found = "the model of the run that is replaced";
      problem.expected = "one that stays: every training starts from it";
      problem.remedy = "choose another output";
    }
  }
  if (!problem.found.empty()) {
    throw Error(ErrorKind::usage, problem);
  }
  return model::load(options.init);
}

std::optional<TransferSummary> settle_start(FinetuneOptions& options, net::DenseNetwork& network,
                                            bool has_checkpoint) {
  std::optional<TransferSummary> moved;
  if (options.init.empty()) {
    options.transfer = net::TransferScope::none;
  } else if (!has_checkpoint) {
    const InitialWeights weights = read_initial_weights(options.init);
    options.licence = licence_over(options.licence, weights);
    options.transfer = resolved_scope(options.transfer, weights);
    moved = transfer_into(network, weights, options.transfer, options.frozen(options.transfer));
    moved->digest = weights_digest(options.init);
  }
  options.optimizer.freeze = options.frozen(options.transfer);
  options.freeze.clear();
  if (options.optimizer.freeze.empty()) {
    options.freeze = {"none"};  // so that a resumed run does not fall back to what is published
  }
  return moved;
}

void warn_of_other_classes(const FinetuneOptions& options, const TransferSummary& transfer,
                           spdlog::logger& log) {
  const std::vector<std::string>& before = transfer.head_classes;
  if (!before.empty() && before != options.classes) {
    log.warn("the head of {} was trained for {}; it goes on as {}", options.init,
             fmt::join(before, ", "), fmt::join(options.classes, ", "));
  }
}

}  // namespace retina::pipeline
