#include "retina/trainer/graphed_step.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace retina::trainer {
namespace {

/// Steps in which libraries choose their algorithms and load what they need.
constexpr std::int64_t kStepsBefore = 3;

std::int64_t trained_parameters(const torch::nn::Module& network) {
  const std::vector<at::Tensor> parameters = network.parameters();
  return std::count_if(parameters.begin(), parameters.end(),
                       [](const at::Tensor& parameter) { return parameter.requires_grad(); });
}

}  // namespace

std::vector<Part> GraphedStep::run(const TaskInputs& inputs) {
  if (is_off_ || !inputs.images_NCYX.is_cuda() || !task_.is_repeatable()) {
    return run_once(inputs);
  }
  if (!is_known(inputs)) {
    start_over(inputs);
  }
  if (!graph_ && equal_steps_ < kStepsBefore) {
    ++equal_steps_;
    return run_once(inputs);
  }
  if (!graph_ && !record()) {
    return run_once(inputs);
  }
  return replay(inputs);
}

std::vector<Part> GraphedStep::run_once(const TaskInputs& inputs) {
  TaskOutput output = task_.compute(inputs, 1);
  output.loss.backward();
  return std::move(output.parts);
}

bool GraphedStep::is_known(const TaskInputs& inputs) const {
  return inputs_.images_NCYX.defined() &&
         inputs.images_NCYX.sizes() == inputs_.images_NCYX.sizes() &&
         inputs.targets.sizes() == inputs_.targets.sizes() &&
         trained_parameters(task_.network()) == trained_;
}

void GraphedStep::start_over(const TaskInputs& inputs) {
  graph_.reset();
  gradients_.clear();
  parts_.clear();
  equal_steps_ = 0;
  trained_ = trained_parameters(task_.network());
  inputs_ = {.images_NCYX = inputs.images_NCYX.clone(), .targets = inputs.targets.clone()};
}

bool GraphedStep::record() {
  graph_ = make_cuda_graph(inputs_.images_NCYX.device());
  if (!graph_) {
    is_off_ = true;
    return false;
  }
  try {
    graph_->record([this] { parts_ = run_once(inputs_); });
  } catch (const c10::Error& error) {
    is_off_ = true;
    graph_.reset();
    parts_.clear();
    task_.network().zero_grad();
    warn_(fmt::format("the training step cannot be recorded, and takes longer: {}",
                      error.what_without_backtrace()));
    return false;
  }
  for (at::Tensor& parameter : task_.network().parameters()) {
    if (parameter.grad().defined()) {
      gradients_.emplace_back(parameter, parameter.grad());
    }
  }
  return true;
}

std::vector<Part> GraphedStep::replay(const TaskInputs& inputs) {
  inputs_.images_NCYX.copy_(inputs.images_NCYX);
  inputs_.targets.copy_(inputs.targets);
  graph_->replay();
  for (auto& [parameter, gradient] : gradients_) {
    parameter.mutable_grad() = gradient;
  }
  return parts_;
}

}  // namespace retina::trainer
