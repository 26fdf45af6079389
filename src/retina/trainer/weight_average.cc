#include "retina/trainer/weight_average.h"

#include <algorithm>
#include <utility>

#include "retina/net/weights.h"
#include "retina/trainer/checkpoint.h"

namespace retina::trainer {
namespace {

void split(const torch::nn::Module& module, std::vector<at::Tensor>& floating,
           std::vector<at::Tensor>& whole) {
  for (const auto& list : {module.parameters(), module.buffers()}) {
    for (const at::Tensor& tensor : list) {
      (tensor.is_floating_point() ? floating : whole).push_back(tensor);
    }
  }
}

}  // namespace

WeightAverage::WeightAverage(std::shared_ptr<net::DenseNetwork> average,
                             const net::DenseNetwork& source, double decay)
    : average_(std::move(average)), decay_(decay) {
  const at::NoGradGuard no_grad;
  split(*average_, averages_, counters_);
  split(source, sources_, source_counters_);
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    averages_[i].requires_grad_(false);
    averages_[i].copy_(sources_[i]);
  }
}

void WeightAverage::update() {
  const at::NoGradGuard no_grad;
  ++updates_;
  const auto n = static_cast<double>(updates_);
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  at::_foreach_lerp_(averages_, sources_, 1 - decay);
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    counters_[i].copy_(source_counters_[i]);
  }
}

tensor::NamedTensors WeightAverage::state() const {
  tensor::NamedTensors state = net::state_dict(*average_);
  state.metadata["updates"] = std::to_string(updates_);
  return state;
}

void WeightAverage::load_state(const tensor::NamedTensors& state, const std::string& source) {
  net::load_state_dict(*average_, state, source);
  updates_ = metadata_number(state, "updates", source);
}

}  // namespace retina::trainer
