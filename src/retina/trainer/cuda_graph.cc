#include "retina/trainer/cuda_graph.h"

#ifdef RETINA_WITH_CUDA_HEADERS
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace retina::trainer {

#ifdef RETINA_WITH_CUDA_HEADERS

namespace {

/// Up to libtorch 2.11; later ones keep this for each recording.
template <class Generator>
void stop_capturing(Generator& generator) {
  if constexpr (requires { generator.capturing_; }) {
    generator.capturing_ = false;
  }
}

/// libtorch's, which leaves its random numbers and its allocator in a recording that was spoilt.
class Recording final : public at::cuda::CUDAGraph {
 public:
  /// After an error in the work.
  void give_up(const at::Device& device, const at::MempoolId_t& pool) {
    try {
      capture_end();
    } catch (const c10::Error&) {
      for (const auto& [generator, increment] : captured_generator_states_) {
        stop_capturing(*generator);
      }
      c10::cuda::CUDACachingAllocator::endAllocateToPool(device.index(), pool);
      c10::cuda::CUDACachingAllocator::releasePool(device.index(), pool);
    }
  }
};

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
      graph_.give_up(device_, pool);
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  at::Device device_;
  Recording graph_;
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
