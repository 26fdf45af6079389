#pragma once

#include <optional>

#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/models/initial_weights.h"

namespace retina::pipeline {

/// The model that a gain is measured from; usage error unless it segments the same classes.
model::Model load_start(const FinetuneOptions& options);

/// What the network takes over from `options.init`, unless a checkpoint will replace it; settles in
/// the options what is moved and what is frozen.
std::optional<TransferSummary> settle_start(FinetuneOptions& options, net::DenseNetwork& network,
                                            bool has_checkpoint);

}  // namespace retina::pipeline
