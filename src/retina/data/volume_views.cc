#include "retina/data/volume_views.h"

#include <algorithm>
#include <utility>

namespace retina::data {

namespace {

class ClassView final : public core::Volume {
 public:
  ClassView(std::shared_ptr<const core::Volume> labels, LabelMap map)
      : Volume(labels->info()), labels_(std::move(labels)), map_(std::move(map)) {
    info_.dtype = core::DType::u8;
    if (is_decided_by_plane(map_)) {
      info_.chunk = {0, 0, 0};  // who reads by bands shall read planes, along any axis, whole
    }
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const bool is_plane = box.shape[0] == 1 || box.shape[1] == 1 || box.shape[2] == 1;
    if (is_plane || !is_decided_by_plane(map_)) {
      return class_ids(map_, *labels_, box);
    }
    core::Array classes(core::DType::u8, 1, box.shape);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      core::Box3 plane = box;
      plane.start[0] = z;
      plane.shape[0] = 1;
      core::copy_overlap(class_ids(map_, *labels_, plane), plane.start, classes, box.start);
    }
    return classes;
  }

 private:
  std::shared_ptr<const core::Volume> labels_;
  LabelMap map_;
};

class PlaneView final : public core::Volume {
 public:
  PlaneView(std::shared_ptr<const core::Volume> volume, const Slice& slice)
      : Volume(volume->info()), volume_(std::move(volume)), slice_(slice) {
    info_.shape = plane_shape(volume_->shape(), slice_.axis);
    info_.axes = "yx";
    const std::size_t rows = slice_.axis == 0 ? 1 : 0;
    info_.chunk = {1, volume_->info().chunk[rows], 0};
    const std::size_t columns = slice_.axis == 2 ? 1 : 2;
    const auto turned = [&](const core::Vec3d& zyx) {
      return core::Vec3d{zyx[static_cast<std::size_t>(slice_.axis)], zyx[rows], zyx[columns]};
    };
    if (info_.voxel_nm) {
      info_.voxel_nm = turned(*info_.voxel_nm);
    }
    info_.offset_nm = turned(info_.offset_nm);
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    const core::Array values = volume_->read(part_in_volume(volume_->shape(), slice_, box));
    core::Array plane(values.dtype(), values.channels(), box.shape);
    std::copy(values.bytes().begin(), values.bytes().end(), plane.bytes().begin());
    return plane;
  }

 private:
  std::shared_ptr<const core::Volume> volume_;
  Slice slice_;
};

}  // namespace

std::unique_ptr<core::Volume> class_view(std::shared_ptr<const core::Volume> labels, LabelMap map) {
  return std::make_unique<ClassView>(std::move(labels), std::move(map));
}

std::unique_ptr<core::Volume> plane_view(std::shared_ptr<const core::Volume> volume,
                                         const Slice& slice) {
  return std::make_unique<PlaneView>(std::move(volume), slice);
}

}  // namespace retina::data
