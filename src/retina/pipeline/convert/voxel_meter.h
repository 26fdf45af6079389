#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "retina/core/progress.h"

namespace retina::pipeline {

/// A job whose progress is told in MiB.
struct MeteredJob {
  std::string_view job;
  std::int64_t voxels = 0;
  std::int64_t voxel_bytes = 1;
};

/// Shows progress of several threads, from its beginning to its end.
class VoxelMeter {
 public:
  VoxelMeter(const MeteredJob& metered, core::Progress& progress)
      : progress_(progress), voxel_bytes_(metered.voxel_bytes) {
    progress_.begin(metered.job, metered.voxels * voxel_bytes_ / kUnit, "MiB");
  }
  ~VoxelMeter() { progress_.end(); }
  VoxelMeter(const VoxelMeter&) = delete;
  VoxelMeter& operator=(const VoxelMeter&) = delete;
  void add(std::int64_t voxels) {
    const std::lock_guard lock(mutex_);
    done_ += voxels * voxel_bytes_;
    progress_.update(done_ / kUnit);
  }

 private:
  static constexpr std::int64_t kUnit = std::int64_t{1} << 20;
  core::Progress& progress_;
  std::int64_t voxel_bytes_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
};

}  // namespace retina::pipeline
