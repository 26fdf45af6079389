#include "retina/pipeline/run/training_plan.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/tensor/device.h"
#include "retina/trainer/checkpoint.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/rank_place.h"

namespace retina::pipeline {
namespace {

/// Tensors that the optimiser keeps beside each one that it moves.
std::int64_t moments_of(trainer::OptimizerKind kind) {
  return kind == trainer::OptimizerKind::adamw ? 2 : 1;
}

std::string length_of(const TrainingPlan& plan) {
  std::string text = plan.steps > 0
                         ? fmt::format("{} steps, {:.1f} epochs", plan.steps, plan.epochs)
                         : std::string("until the time is up");
  if (plan.max_seconds > 0) {
    text += fmt::format(", at most {:.0f} s", plan.max_seconds);
  }
  if (plan.resumed_step > 0) {
    text += fmt::format(", from step {} on", plan.resumed_step);
  }
  return text;
}

std::string data_of(const TrainingPlan& plan) {
  std::string text = fmt::format("{} images, {} {} an epoch", plan.images, plan.slices,
                                 plan.verb == "pretrain" ? "patches" : "slices");
  if (plan.held_out_slices > 0) {
    text += fmt::format(", {} held-out slices", plan.held_out_slices);
  }
  return text;
}

/// Of a step: the samples that share BatchNorm statistics.
std::string groups_of(std::int64_t batch, std::int64_t ranks, std::int64_t ghost_batch) {
  const std::int64_t share = batch / ranks;
  const std::int64_t group = ghost_batch > 0 ? std::min(ghost_batch, share) : share;
  std::string text = fmt::format("groups of {}", group);
  if (share % group != 0) {
    text += fmt::format(", and one of {}{}", share % group, ranks > 1 ? " on each rank" : "");
  }
  return text;
}

std::string batch_of(const TrainingPlan& plan) {
  const bool is_one_group =
      plan.ranks == 1 && (plan.ghost_batch == 0 || plan.ghost_batch >= plan.batch);
  return is_one_group ? std::to_string(plan.batch)
                      : fmt::format("{}, in {}", plan.batch,
                                    groups_of(plan.batch, plan.ranks, plan.ghost_batch));
}

}  // namespace

std::string changed_groups(std::int64_t batch, std::int64_t ranks, std::int64_t ghost_batch) {
  const std::int64_t share = batch / ranks;
  if (ranks == 1 || ghost_batch == 0 || share % ghost_batch == 0) {
    return {};
  }
  return fmt::format(
      "ghost_batch: each of the {} ranks has {} of the {} samples of a step, which is no multiple "
      "of {}: BatchNorm sees {}; give a batch that is a multiple of {}, or a ghost_batch that "
      "divides {}",
      ranks, share, batch, ghost_batch, groups_of(batch, ranks, ghost_batch), ranks * ghost_batch,
      share);
}

void require_shared_batch(const TrainingOptions& options, std::int64_t ranks) {
  if (options.batch % ranks != 0) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "batch",
                        .found = std::to_string(options.batch),
                        .expected = fmt::format("a multiple of the {} ranks", ranks),
                        .remedy = "the ranks share each batch"});
  }
}

TrainingPlan plan_run(const std::string& verb, const std::string& preset,
                      const TrainingOptions& options) {
  require_free_run(options.output, start_of(options));
  const trainer::RankPlace place = trainer::rank_place(trainer::process_environment());
  require_shared_batch(options, place.ranks);
  const at::Device device = tensor::choose_device(options.device);
  TrainingPlan plan;
  plan.verb = verb;
  plan.preset = preset;
  plan.run = options.output;
  plan.device = device.str();
  plan.precision = core::enum_name(tensor::choose_precision(options.precision, device));
  plan.ranks = place.ranks;
  plan.rank = place.rank;
  if (options.resume) {
    const auto steps =
        trainer::checkpoint_steps(std::filesystem::path(options.output) / "checkpoints");
    plan.resumed_step = steps.empty() ? 0 : steps.back();
  }
  plan.batch = options.batch;
  plan.steps = options.steps;
  plan.max_seconds = options.max_seconds;
  return plan;
}

void plan_network(TrainingPlan& plan, const TrainingOptions& options, net::DenseNetwork& network) {
  const trainer::Optimizer optimizer(network, options.optimizer);
  plan.window = network.input().window;
  plan.trained_tensors = optimizer.trained_tensors();
  std::int64_t trained_bytes = 0;
  for (const at::Tensor& parameter : network.parameters()) {
    const auto bytes = static_cast<std::int64_t>(parameter.nbytes());
    ++plan.tensors;
    plan.parameters += parameter.numel();
    plan.model_bytes += bytes;
    if (parameter.requires_grad()) {
      plan.trained_parameters += parameter.numel();
      trained_bytes += bytes;
    } else if (options.optimizer.unfreeze_at > 0) {
      trained_bytes += bytes;  // later
    }
  }
  for (const at::Tensor& buffer : network.buffers()) {
    plan.model_bytes += static_cast<std::int64_t>(buffer.nbytes());
  }
  const std::int64_t copies = options.average_decay > 0 ? 2 : 1;  // the mean of the weights
  plan.checkpoint_bytes =
      copies * plan.model_bytes + moments_of(options.optimizer.kind) * trained_bytes;
}

void plan_data(TrainingPlan& plan, const data::Dataset& dataset) {
  plan.images = std::ssize(data::volumes_used(dataset));
  plan.slices = static_cast<std::int64_t>(dataset.slices.size());
}

Json to_json(const TrainingPlan& plan) {
  Json json{{"dry_run", true},
            {"verb", plan.verb},
            {"preset", plan.preset},
            {"run", plan.run},
            {"device", plan.device},
            {"precision", plan.precision},
            {"ranks", plan.ranks},
            {"resumed_step", plan.resumed_step},
            {"window", plan.window},
            {"tensors", plan.tensors},
            {"parameters", plan.parameters},
            {"trained_tensors", plan.trained_tensors},
            {"trained_parameters", plan.trained_parameters},
            {"transfer", nullptr},
            {"model_bytes", plan.model_bytes},
            {"checkpoint_bytes", plan.checkpoint_bytes},
            {"images", plan.images},
            {"slices", plan.slices},
            {"held_out_slices", plan.held_out_slices},
            {"batch", plan.batch},
            {"ghost_batch", plan.ghost_batch},
            {"steps", plan.steps},
            {"epochs", plan.epochs},
            {"max_seconds", plan.max_seconds}};
  if (plan.transfer) {
    json["transfer"] = to_json(*plan.transfer);
    json["transfer"].erase("tensors");  // the counts say it
  }
  return json;
}

std::string to_text(const TrainingPlan& plan) {
  std::string text = fmt::format(
      "plan: {} {} -> {}\n"
      "  network     window {}, {} tensors of {} parameters; {} tensors of {} are trained\n"
      "  data        {}\n"
      "  batch       {}\n"
      "  length      {}\n"
      "  device      {}, {}{}\n"
      "  checkpoint  about {}, of which {} are weights\n",
      plan.verb, plan.preset, plan.run, plan.window, plan.tensors, plan.parameters,
      plan.trained_tensors, plan.trained_parameters, data_of(plan), batch_of(plan), length_of(plan),
      plan.device, plan.precision, plan.ranks > 1 ? fmt::format(", {} ranks", plan.ranks) : "",
      core::format_size(plan.checkpoint_bytes), core::format_size(plan.model_bytes));
  if (plan.transfer) {
    text += to_text(*plan.transfer) + "\n";
  }
  return text;
}

}  // namespace retina::pipeline
