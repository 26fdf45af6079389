#pragma once

#include <optional>

#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/models/initial_weights.h"

namespace spdlog {
class logger;
}

namespace retina::pipeline {

/// The model that a gain is measured from; usage error unless it segments the same classes.
model::Model load_start(const FinetuneOptions& options);

/// What the network takes over from `options.init`, unless a checkpoint will replace it; settles in
/// the options what is moved and what is frozen.
std::optional<TransferSummary> settle_start(FinetuneOptions& options, net::DenseNetwork& network,
                                            bool has_checkpoint);

/// A head fits by its shape alone: that it goes on for other classes may be meant, or a slip.
void warn_of_other_classes(const FinetuneOptions& options, const TransferSummary& transfer,
                           spdlog::logger& log);

}  // namespace retina::pipeline
