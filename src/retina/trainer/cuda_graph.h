#pragma once

#include <functional>
#include <memory>

#include <torch/types.h>

namespace retina::trainer {

/// Work for a CUDA device that is recorded once and then replayed as a whole, where thousands of
/// single requests would keep the process busier than the device.
class CudaGraph {
 public:
  virtual ~CudaGraph() = default;
  /// Records what `work` asks of the device, which does nothing yet. Tensors made in `work` keep
  /// their memory as long as this lives; those it reads must keep theirs. c10::Error if `work` does
  /// what cannot be recorded, such as waiting for the device.
  virtual void record(const std::function<void()>& work) = 0;
  /// Puts the work into the queue of the current stream.
  virtual void replay() = 0;
};

/// Null on a CPU, and in a build without the headers of CUDA.
std::unique_ptr<CudaGraph> make_cuda_graph(const at::Device& device);

}  // namespace retina::trainer
