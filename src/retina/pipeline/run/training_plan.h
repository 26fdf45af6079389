#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retina/core/json.h"
#include "retina/data/dataset.h"
#include "retina/net/network.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/run/training_options.h"

namespace retina::pipeline {

/// What a training would do, told before it begins.
struct TrainingPlan {
  std::string verb{};
  std::string preset{};
  std::string run{};  ///< folder that it would make
  std::string device{};
  std::string precision{};  ///< fp32, tf32 or bf16
  std::int64_t ranks = 1;
  std::int64_t rank = 0;          ///< that tells this
  std::int64_t resumed_step = 0;  ///< of the checkpoint it would go on from; 0 = from the start

  std::int64_t window = 0;
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::int64_t trained_tensors = 0;
  std::int64_t trained_parameters = 0;
  std::optional<TransferSummary> transfer{};  ///< none for random weights, and after a resume
  std::int64_t model_bytes = 0;               ///< of the weights
  std::int64_t checkpoint_bytes = 0;          ///< of one checkpoint, about

  std::int64_t images = 0;           ///< that have planes among the slices
  std::int64_t slices = 0;           ///< of an epoch; of pre-training its patches
  std::int64_t held_out_slices = 0;  ///< that validate it
  std::int64_t batch = 0;
  std::int64_t ghost_batch = 0;  ///< 0 = the whole batch
  std::int64_t steps = 0;        ///< 0 = until the time is up
  double epochs = 0;             ///< that these steps are
  double max_seconds = 0;        ///< 0 = no limit
};

/// A plan with what needs neither data nor network. usage error where the run would refuse its
/// output or its device.
TrainingPlan plan_run(const std::string& verb, const std::string& preset,
                      const TrainingOptions& options);
/// usage error unless so many processes can share each batch.
void require_shared_batch(const TrainingOptions& options, std::int64_t ranks);
/// What to warn of where the processes' shares of a batch cannot be cut into groups of
/// `ghost_batch`, so that BatchNorm sees others; empty where all is as asked for.
std::string changed_groups(std::int64_t batch, std::int64_t ranks, std::int64_t ghost_batch);
/// Adds the network, with the weights that it would start from; freezes what the options name, and
/// refuses patterns that fit no tensor.
void plan_network(TrainingPlan& plan, const TrainingOptions& options, net::DenseNetwork& network);
/// Adds the training data.
void plan_data(TrainingPlan& plan, const data::Dataset& dataset);

Json to_json(const TrainingPlan& plan);
std::string to_text(const TrainingPlan& plan);

}  // namespace retina::pipeline
