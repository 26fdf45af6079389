#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "retina/trainer/cuda_graph.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

/// Gradients of whole batches. On CUDA, where the task is repeatable, the fourth step of equal kind
/// is noted and from then on repeated as a whole (cuda_graph.h); where that fails, says so and goes
/// on step by step. Results are the same.
class GraphedStep {
 public:
  using Warn = std::function<void(const std::string&)>;
  GraphedStep(Task& task, Warn warn) : task_(task), warn_(std::move(warn)) {}

  /// Leaves the gradients of the loss of `inputs` in the network's parameters, which have none yet;
  /// the figures of the step, which the next call may overwrite.
  std::vector<Part> run(const TaskInputs& inputs);
  bool is_recorded() const { return graph_ != nullptr; }

 private:
  std::vector<Part> run_once(const TaskInputs& inputs);
  bool is_known(const TaskInputs& inputs) const;
  void start_over(const TaskInputs& inputs);
  bool record();
  std::vector<Part> replay(const TaskInputs& inputs);

  Task& task_;
  Warn warn_;
  bool is_off_ = false;
  std::int64_t equal_steps_ = 0;  ///< in a row
  std::int64_t trained_ = 0;      ///< parameters that were trained in them
  TaskInputs inputs_;             ///< of the graph; before there is one, of the last step
  std::unique_ptr<CudaGraph> graph_;
  std::vector<Part> parts_;
  std::vector<std::pair<at::Tensor, at::Tensor>> gradients_;  ///< parameter, gradient
};

}  // namespace retina::trainer
