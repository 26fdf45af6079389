#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <torch/nn/module.h>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/net/transunet_options.h"
#include "retina/tensor/safetensors.h"

namespace retina::net {

/// Which weights of a trained network another one starts from (retina.md 3.1).
enum class TransferScope {
  automatic,    ///< transformer from an image-restoration network, else all
  transformer,  ///< ResNet, patch and position embeddings, encoder (the published code)
  encoder,      ///< the transformer's encoder alone (as the article says)
  all,          ///< the decoder too, and the head where it fits
  none
};
constexpr core::EnumTable<TransferScope, 5> enum_table(TransferScope) {
  return {{{TransferScope::automatic, "automatic"},
           {TransferScope::transformer, "transformer"},
           {TransferScope::encoder, "encoder"},
           {TransferScope::all, "all"},
           {TransferScope::none, "none"}}};
}

/// What became of one parameter.
enum class Fate { moved, reinitialised, ignored };
struct TransferredTensor {
  std::string name;
  Fate fate = Fate::moved;
  std::int64_t parameters = 0;
  std::string reason;  ///< why it was not moved, where that is not the scope
};

struct TransferReport {
  std::vector<TransferredTensor> tensors;  ///< of the network in its order, then ignored ones
  std::vector<std::string> notes;          ///< what a user must know
};

/// Copies the parameters and buffers of `scope` (not automatic) from `state` into `network`; all
/// others keep their initialisation. The position table is resampled where the grid differs; a head
/// of another shape, or the untrained one of an image-restoration network, is not moved; the head
/// that restores images stays as it is where `state` has none. bad_data that lists everything of
/// the scope that is missing or misshapen, and what copy_weights() refuses; `source` names the
/// file.
TransferReport transfer_weights(torch::nn::Module& network, const tensor::NamedTensors& state,
                                TransferScope scope, const std::string& source);

/// Weights for a network, and what a user must know of what was done to them; empty for nothing.
struct FittedState {
  tensor::NamedTensors state;
  std::string note;
};

/// `state` with its position table resampled to the grid of `network` where that is another one;
/// `source` names the file.
FittedState fitted_to_grid(const torch::nn::Module& network, const tensor::NamedTensors& state,
                           const std::string& source);

/// True for the weights of an image-restoration network.
bool is_restoration_state(const tensor::NamedTensors& state);

/// False for weights of the transformer alone.
bool has_decoder(const tensor::NamedTensors& state);

/// `base` with everything that weights tell: widths, layers, units, channels, classes, tail, and
/// the window of the position table (at the pixel stride of `base`). The number of heads is not in
/// them. bad_data for weights of another kind of network.
TransUNetOptions options_of_weights(const tensor::NamedTensors& state, TransUNetOptions base,
                                    const std::string& source);

/// What Google's ImageNet arrays tell by their shapes, and the tensors that imagenet_weights()
/// makes of them do not: the number of heads, an axis of their kernels [hidden, heads, width]. An
/// empty table for other arrays.
Json told_by_imagenet(const std::map<std::string, std::vector<std::int64_t>>& shapes);

/// Keeps the options of a network in the metadata of its weights, so that a file of them tells what
/// shapes cannot: the number of heads, the pixel stride.
void tell_network(tensor::NamedTensors& state, const Json& options);

/// What tell_network() left in `metadata`; an empty table if nothing. bad_data naming `source` if
/// these are not options of a network.
Json told_network(const std::map<std::string, std::string>& metadata, const std::string& source);

}  // namespace retina::net
