#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "retina/net/network.h"
#include "retina/tensor/safetensors.h"

namespace retina::trainer {

/// An exponential mean of the weights of a network over training steps (its BatchNorm statistics
/// included), kept in a second network of the same kind. The decay of update n is
/// min(decay, (1 + n) / (10 + n)), so that early steps do not linger.
class WeightAverage {
 public:
  /// `average`: a network of the same options, on the same device; receives the weights of
  /// `source`.
  WeightAverage(std::shared_ptr<net::DenseNetwork> average, const net::DenseNetwork& source,
                double decay);
  void update();

  const std::shared_ptr<net::DenseNetwork>& network() const { return average_; }

  /// Weights, with the number of updates in the metadata; and back.
  tensor::NamedTensors state() const;
  void load_state(const tensor::NamedTensors& state, const std::string& source);

 private:
  std::shared_ptr<net::DenseNetwork> average_;
  std::vector<at::Tensor> averages_, sources_;          ///< floating-point tensors
  std::vector<at::Tensor> counters_, source_counters_;  ///< copied: numbers of batches seen
  double decay_;
  std::int64_t updates_ = 0;
};

}  // namespace retina::trainer
