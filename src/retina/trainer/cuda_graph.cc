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
    const at::MempoolId_t pool = at::cuda::graph_pool_handle();
    // other threads may go on using the device
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      give_up(pool);
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  /// After an error in the work. Where that has spoilt the recording, libtorch does not end it: its
  /// allocator would go on believing in it.
  void give_up(const at::MempoolId_t& pool) {
    try {
      graph_.capture_end();
    } catch (const c10::Error&) {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(), pool);
      c10::cuda::CUDACachingAllocator::releasePool(device_.index(), pool);
    }
  }

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
