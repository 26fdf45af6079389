#pragma once

#include "retina/net/network.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/pretrain/pretrain_options.h"

namespace retina::pipeline {

/// What the network takes over from `options.init`, whose licence counts where none is stated.
TransferSummary start_from_init(PretrainOptions& options, net::DenseNetwork& network);

}  // namespace retina::pipeline
