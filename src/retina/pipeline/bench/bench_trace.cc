#include "retina/pipeline/bench/bench_trace.h"

#include <set>

#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/bench/bench_timer.h"

namespace retina::pipeline {

core::OutputLock lock_trace(const std::filesystem::path& path) {
  core::OutputLock lock(path);
  if (std::filesystem::is_directory(path)) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("trace '{}'", path.string()),
                                          .found = "a folder",
                                          .expected = "the name of a file",
                                          .remedy = "choose another name"});
  }
  core::write_atomically(path, "");
  return lock;
}

void write_trace(const std::filesystem::path& path, const at::Device& device,
                 const std::function<void()>& run) {
  namespace profiler = torch::profiler::impl;
  constexpr int kRecorded = 3;
  const BenchTimer timer(device, 0);
  timer.warm_up(run);
  std::set<profiler::ActivityType> activities{profiler::ActivityType::CPU};
  if (device.is_cuda()) {
    activities.insert(profiler::ActivityType::CUDA);
  }
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  torch::autograd::profiler::prepareProfiler(config, activities);
  torch::autograd::profiler::enableProfiler(config, activities);
  for (int i = 0; i < kRecorded; ++i) {
    run();
  }
  timer.synchronise();
  torch::autograd::profiler::disableProfiler()->save(path.string());
}

}  // namespace retina::pipeline
