#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "retina/trainer/cuda_graph.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

/// Gradients of whole batches. On CUDA, where the task is repeatable, the fourth step of equal kind
/// is recorded and from then on replayed as a whole (cuda_graph.h); where that fails, steps stay
/// plain. Results are the same.
class GraphedStep {
 public:
  /// Is told once whether steps are recorded, or why not.
  using Tell = std::function<void(const std::string&)>;
  GraphedStep(Task& task, Tell tell) : task_(task), tell_(std::move(tell)) {}

  /// Leaves the gradients of the loss of `inputs` in the network's parameters, which have none yet;
  /// the figures of the step, which the next call may overwrite.
  std::vector<Part> run(const TaskInputs& inputs);
  bool is_recorded() const { return graph_ != nullptr; }
  /// Gives back the recording and its memory, which is that of a whole step; run() starts anew.
  void forget();

 private:
  std::vector<Part> run_once(const TaskInputs& inputs);
  bool is_known(const TaskInputs& inputs) const;
  void start_over(const TaskInputs& inputs);
  bool record();
  std::vector<Part> replay(const TaskInputs& inputs);

  Task& task_;
  Tell tell_;
  bool is_off_ = false;
  bool has_told_ = false;
  std::int64_t equal_steps_ = 0;  ///< in a row
  std::vector<bool> trained_;     ///< which parameters were trained in them
  TaskInputs inputs_;             ///< of the graph; before there is one, of the last step
  std::unique_ptr<CudaGraph> graph_;
  std::vector<Part> parts_;
  std::vector<std::pair<at::Tensor, at::Tensor>> gradients_;  ///< parameter, gradient
};

}  // namespace retina::trainer
