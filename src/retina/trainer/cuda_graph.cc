#include "retina/trainer/cuda_graph.h"

#ifdef RETINA_WITH_CUDA_HEADERS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace retina::trainer {

#ifdef RETINA_WITH_CUDA_HEADERS

namespace {

class LibtorchGraph final : public CudaGraph {
 public:
  explicit LibtorchGraph(const at::Device& device) : device_(device) {}

  void record(const std::function<void()>& work) override {
    c10::cuda::CUDACachingAllocator::emptyCache();  // the graph takes memory of its own
    const c10::StreamGuard stream(
        c10::impl::VirtualGuardImpl(device_.type()).getStreamFromGlobalPool(device_));
    // other threads may go on using the device
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();
      } catch (const c10::Error&) {  // a consequence of the first error
      }
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  at::Device device_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<CudaGraph> make_cuda_graph(const at::Device& device) {
  return device.is_cuda() ? std::make_unique<LibtorchGraph>(device) : nullptr;
}

#else

std::unique_ptr<CudaGraph> make_cuda_graph(const at::Device& /*device*/) {
  return nullptr;
}

#endif

}  // namespace retina::trainer
