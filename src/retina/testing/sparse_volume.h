#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/volume.h"

namespace retina::testing {

/// A volume of any size that takes no memory: 0 everywhere but in a few boxes of one value each.
/// Remembers how much was read.
class SparseVolume final : public core::Volume {
 public:
  struct Filled {
    core::Box3 box;
    std::uint64_t value = 1;
  };

  SparseVolume(const core::Vec3& shape, core::DType dtype, std::vector<Filled> filled = {})
      : Volume(describe(shape, dtype)), filled_(std::move(filled)) {}

  void set_voxel_nm(const core::Vec3d& voxel_nm) { info_.voxel_nm = voxel_nm; }
  void set_chunk(const core::Vec3& chunk) { info_.chunk = chunk; }

  std::int64_t voxels_read() const {
    const std::lock_guard lock(mutex_);
    return voxels_read_;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(info_.dtype, 1, box.shape);
    for (const Filled& filled : filled_) {
      const core::Box3 common = core::intersect(filled.box, box);
      if (common.empty()) {
        continue;
      }
      core::Array part(info_.dtype, 1, common.shape);
      core::dispatch(info_.dtype, [&](auto zero) {
        for (auto& value : part.values<decltype(zero)>()) {
          value = static_cast<decltype(zero)>(filled.value);
        }
      });
      core::copy_overlap(part, common.start, values, box.start);
    }
    const std::lock_guard lock(mutex_);
    voxels_read_ += box.voxels();
    return values;
  }

 private:
  static core::VolumeInfo describe(const core::Vec3& shape, core::DType dtype) {
    core::VolumeInfo info;
    info.source = "sparse volume";
    info.format = "memory";
    info.dtype = dtype;
    info.shape = shape;
    info.chunk = {64, 64, 64};
    return info;
  }

  std::vector<Filled> filled_;
  mutable std::mutex mutex_;
  mutable std::int64_t voxels_read_ = 0;
};

}  // namespace retina::testing
