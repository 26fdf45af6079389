#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/model/card.h"
#include "retina/net/transfer.h"
#include "retina/net/transunet_options.h"
#include "retina/tensor/safetensors.h"

namespace retina::pipeline {

/// Trained weights that another training starts from: of a model or run folder, or of a file.
struct InitialWeights {
  std::string source;
  tensor::NamedTensors state;
  std::optional<model::Card> card;  ///< none for a file of another program

  /// True where nothing but the transformer was trained for what comes now: an image-restoration
  /// network, or weights without a decoder.
  bool only_transformer() const;
  /// False for weights of the transformer alone, and for a model that was made of such.
  bool has_trained_decoder() const;
  /// The preset that they were made with; none if that is not known.
  std::optional<std::string> preset() const;
  /// Options of their network that the card or the file tells.
  Json told_network() const;
  /// The network that these weights fit, with the head and the input of `base`; what neither the
  /// card nor the weights tell is as in `base`.
  net::TransUNetOptions network(const net::TransUNetOptions& base) const;
};
/// With the card that came with a file (told_card).
InitialWeights read_initial_weights(const std::string& path);

/// The preset whose recipe goes on from `weights`: that of the user's configuration `given`, else
/// the one they were made with, else the default.
std::string preset_after(const InitialWeights& weights, const Json& given);

/// Options of the network that `weights` fit: of a recipe's `network` and the user's configuration
/// `given`, what the weights leave open. The window is that of the weights, unless `given` has
/// network.window or augment.size, which are equal; but weights that the preset's other recipe made
/// at its usual window go over to that of `network` (retina-tiny: pre-trained at 224, fine-tuned at
/// 384). Unless the preset is given, warns of what none of them tells. usage for values of `given`
/// of another kind.
Json fitted_network(const InitialWeights& weights, const Json& network, const Json& given,
                    const core::Context& context);

/// Warns of what is `assumed` of the network of weights and not `told`, though another number of
/// heads or another stride is another network of the same weights.
void warn_of_assumed(const Json& told, const net::TransUNetOptions& assumed,
                     const std::string& source, const core::Context& context);

/// The licence of a model that starts from `weights`: theirs, unless another is `stated`.
std::string licence_over(const std::string& stated, const InitialWeights& weights);

/// Tensors and their parameters.
struct TensorCount {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
};

/// What a network took over from another, and what of it is trained: printed, kept in the run.
struct TransferSummary {
  std::string source;
  std::string digest;  ///< weights_digest() of the source, where it is known
  net::TransferScope scope = net::TransferScope::none;
  net::TransferReport report;
  TensorCount moved, reinitialised, ignored, frozen, trainable;
  /// Of which the weights' card says that the head is, where it was moved.
  std::vector<std::string> head_classes{};
};

/// automatic becomes what it means for these weights.
net::TransferScope resolved_scope(net::TransferScope scope, const InitialWeights& weights);

/// Moves the weights and counts; `freeze` are the patterns of tensors that will not be trained.
TransferSummary transfer_into(torch::nn::Module& network, const InitialWeights& weights,
                              net::TransferScope scope, const std::vector<std::string>& freeze);

Json to_json(const TransferSummary& summary);
std::string to_text(const TransferSummary& summary);
/// Writes the run's record of what was moved (transfer_record.h), which its page shows after a
/// resume too.
void write_transfer(const std::filesystem::path& run, const TransferSummary& summary);

}  // namespace retina::pipeline
