#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/types.h>

#include "retina/core/json.h"

namespace retina::net {

/// What a dense network accepts.
struct InputSpec {
  int rank = 2;  ///< 2: [N,C,Y,X]
  int channels = 1;
  int window = 224;  ///< side of the square window, pixels
};

/// One output map of a dense network.
struct HeadSpec {
  std::string name;  ///< "segmentation" or "reconstruction"
  int channels = 1;
  int stride = 1;
  std::string activation;  ///< "sigmoid", "softmax" or "none"
};

/// What goes from one part of a network to the next: images, a map, tokens or, in the end, logits;
/// and the maps that later parts take up, the last one first.
struct Flow {
  at::Tensor x;
  std::vector<at::Tensor> skips{};
};

/// One of the parts that forward() consists of.
struct LayerGroup {
  std::string name;
  std::vector<std::string> prefixes;  ///< of the names of its parameters; each is in one part
  std::function<Flow(Flow)> forward;
};

/// A 2D network that maps [N,C,Y,X] images to [N,K,Y,X] logits at input resolution. Children carry
/// the Python names, so named_parameters()/named_buffers() are the checkpoint schema.
class DenseNetwork : public torch::nn::Module {
 public:
  virtual InputSpec input() const = 0;
  virtual HeadSpec head() const = 0;
  /// images_NCYX float (normalised) -> logits_NKYX (float32 or the autocast type).
  virtual at::Tensor forward(const at::Tensor& images_NCYX) = 0;

  /// A copy prepared for inference on `device`: kernels standardised once, BatchNorm folded,
  /// channels-last, weights in `dtype` (kFloat or kBFloat16), eval mode, no gradients. Same results
  /// as forward() in eval mode up to rounding.
  virtual std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device device,
                                                               at::ScalarType dtype) const = 0;

  /// The parts of forward() in their order, valid while the network lives: for measuring them one
  /// by one. A network that does not tell has one part.
  virtual std::vector<LayerGroup> layer_groups();
};

/// Builds a network by name ("transunet") and its options as JSON (strict keys). usage error lists
/// the known names.
std::shared_ptr<DenseNetwork> make_network(const std::string& name, const Json& options);

/// Options of a preset's network ("retina", "retina-imagenet", "retina-small", "retina-tiny") as
/// JSON for make_network("transunet", ...); usage error lists the presets. `classes` = output
/// channels (1 = sigmoid).
Json preset_network(const std::string& preset, int classes);
std::vector<std::string> preset_names();

}  // namespace retina::net
