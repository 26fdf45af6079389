#include "retina/trainer/graphed_step.h"

#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/trainer/propagate.h"

namespace retina::trainer {
namespace {

/// Steps in which libraries choose their algorithms and load what they need.
constexpr std::int64_t kStepsBefore = 3;

std::vector<bool> trained_parameters(const torch::nn::Module& network) {
  std::vector<bool> trained;
  for (const at::Tensor& parameter : network.parameters()) {
    trained.push_back(parameter.requires_grad());
  }
  return trained;
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
  propagate(output.loss);
  return std::move(output.parts);
}

bool GraphedStep::is_known(const TaskInputs& inputs) const {
  return inputs_.images_NCYX.defined() &&
         inputs.images_NCYX.sizes() == inputs_.images_NCYX.sizes() &&
         inputs.targets.sizes() == inputs_.targets.sizes() &&
         trained_parameters(task_.network()) == trained_;
}

void GraphedStep::forget() {
  graph_.reset();
  gradients_.clear();
  parts_.clear();
  inputs_ = {};
  equal_steps_ = 0;
}

void GraphedStep::start_over(const TaskInputs& inputs) {
  forget();
  trained_ = trained_parameters(task_.network());
  inputs_ = {.images_NCYX = inputs.images_NCYX.clone(), .targets = inputs.targets.clone()};
}

bool GraphedStep::record() {
  std::string told = "training steps are recorded and replayed as a whole";
  std::unique_ptr<CudaGraph> graph = make_cuda_graph(inputs_.images_NCYX.device());
  if (!graph) {
    told = "training steps are not recorded: this program was built without the headers of CUDA";
    is_off_ = true;
  } else {
    try {
      graph->record([this] { parts_ = run_once(inputs_); });
    } catch (const c10::Error& error) {  // too little memory for a second step among them
      told = fmt::format("training steps are not recorded, and take longer: {}",
                         error.what_without_backtrace());
      is_off_ = true;
      task_.network().zero_grad();
    }
  }
  if (!std::exchange(has_told_, true)) {
    tell_(told);
  }
  if (is_off_) {
    graph.reset();
    forget();
    return false;
  }
  graph_ = std::move(graph);
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
