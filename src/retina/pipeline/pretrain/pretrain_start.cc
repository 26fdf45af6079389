#include "retina/pipeline/pretrain/pretrain_start.h"

#include "retina/net/transfer.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {
namespace {

/// The decoder goes on too where it was trained: pre-training continues another, or a fine-tuning.
net::TransferScope scope_of(const InitialWeights& weights) {
  return weights.has_trained_decoder() ? net::TransferScope::all : net::TransferScope::transformer;
}

}  // namespace

TransferSummary start_from_init(PretrainOptions& options, net::DenseNetwork& network) {
  const InitialWeights weights = read_initial_weights(options.init);
  options.licence = licence_over(options.licence, weights);
  TransferSummary moved =
      transfer_into(network, weights, scope_of(weights), options.optimizer.freeze);
  moved.digest = weights_digest(options.init);
  return moved;
}

}  // namespace retina::pipeline
