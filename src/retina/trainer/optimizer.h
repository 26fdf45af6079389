#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torch/nn.h>

#include "retina/core/error.h"
#include "retina/core/options.h"
#include "retina/tensor/safetensors.h"

namespace retina::trainer {

enum class OptimizerKind { sgd, adamw };
constexpr core::EnumTable<OptimizerKind, 2> enum_table(OptimizerKind) {
  return {{{OptimizerKind::sgd, "sgd"}, {OptimizerKind::adamw, "adamw"}}};
}

/// The defaults are the published optimiser (retina.md 3.6).
struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double learning_rate = 0.003;  ///< base rate; the schedule multiplies it
  double momentum = 0.9;         ///< of sgd
  double beta1 = 0.9;            ///< of adamw
  double beta2 = 0.999;          ///< of adamw
  double epsilon = 1e-8;         ///< of adamw
  double weight_decay = 1e-4;    ///< sgd: added to the gradient; adamw: decoupled
  bool decay_vectors = true;     ///< weight decay of biases and norms too
  double clip_norm = 0;          ///< largest L2 norm of the whole gradient; 0 = no limit
  std::vector<std::string>
      freeze{};                  ///< beginnings of names, or patterns with *, of frozen tensors
  std::int64_t unfreeze_at = 0;  ///< step from which they are trained; 0 = never
  std::map<std::string, double> rate_factors{};  ///< pattern -> factor on the learning rate

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("kind", self.kind, "sgd or adamw");
    visit("learning_rate", self.learning_rate, "base learning rate");
    visit("momentum", self.momentum, "momentum of sgd");
    visit("beta1", self.beta1, "decay of the mean gradient of adamw");
    visit("beta2", self.beta2, "decay of the mean squared gradient of adamw");
    visit("epsilon", self.epsilon, "adamw: added to the root of the mean squared gradient");
    visit("weight_decay", self.weight_decay, "weight decay");
    visit("decay_vectors", self.decay_vectors, "weight decay of biases and norms too");
    visit("clip_norm", self.clip_norm, "largest L2 norm of the whole gradient; 0 = no limit");
    visit("freeze", self.freeze, "beginnings of names, or patterns with *, of tensors not trained");
    visit("unfreeze_at", self.unfreeze_at, "step from which frozen tensors are trained; 0 = never");
    visit("rate_factors", self.rate_factors,
          "pattern: factor on the learning rate of its tensors; the longest pattern that fits "
          "counts");
  }
  std::vector<Problem> validate() const;
};

/// True if `name` starts with `pattern`, or matches it whole where it holds `*` (any run of
/// characters).
bool name_matches(const std::string& name, const std::string& pattern);

/// SGD with momentum or AdamW over the parameters of a network, the same arithmetic as PyTorch's.
/// Tensors without a gradient (frozen, or not used by the loss) are neither moved nor decayed.
class Optimizer {
 public:
  /// Freezes what `options.freeze` names; a pattern that matches nothing is a usage error, and so
  /// is one that leaves nothing to train. The network must be on its device already.
  Optimizer(torch::nn::Module& network, OptimizerOptions options);

  /// One update with the gradients of the parameters, which are released.
  void step(double learning_rate);

  /// State tensors by parameter name and the number of steps; CPU.
  tensor::NamedTensors state() const;
  /// Continues from state(); bad_data lists what does not fit, `source` names the file.
  void load_state(const tensor::NamedTensors& state, const std::string& source);

  std::int64_t trained_tensors() const { return static_cast<std::int64_t>(parameters_.size()); }

 private:
  /// What the tensors of one group share; equal rules are one group.
  struct Rule {
    double weight_decay = 0;
    double rate_factor = 1;
    std::int64_t since = 0;  ///< step after which they have been trained
    auto operator<=>(const Rule&) const = default;
  };
  struct Parameter {
    std::string name;
    at::Tensor value;
    at::Tensor first;   ///< momentum (sgd) or mean gradient (adamw)
    at::Tensor second;  ///< mean squared gradient (adamw)
    Rule rule;
  };
  struct Group {
    std::vector<at::Tensor> values, gradients, first, second;
  };
  void add(const std::string& name, const at::Tensor& value, std::int64_t since);
  void unfreeze();
  std::map<Rule, Group> gather() const;
  void clip() const;
  void sgd(Group& group, const Rule& rule, double learning_rate) const;
  void adamw(Group& group, const Rule& rule, double learning_rate) const;

  OptimizerOptions options_;
  std::vector<Parameter> parameters_;
  std::vector<std::pair<std::string, at::Tensor>> frozen_;
  std::int64_t steps_ = 0;
};

}  // namespace retina::trainer
