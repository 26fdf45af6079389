#include "retina/core/volume.h"

#include <utility>

#include <fmt/format.h>

namespace retina::core {
namespace {

void require_inside(const VolumeInfo& info, const Box3& box) {
  if (!whole(info.shape).contains(box)) {
    throw Error(ErrorKind::usage,
                Problem{.subject = info.source,
                        .found = "block " + to_string(box),
                        .expected = "a block inside a volume of " + to_string(info.shape)});
  }
}

}  // namespace

Array Volume::read(const Box3& box) const {
  require_inside(info_, box);
  return read_box(box);
}

void Volume::write(const Box3& box, const Array& values) {
  require_inside(info_, box);
  if (values.dtype() != info_.dtype || values.channels() != info_.channels ||
      values.shape() != box.shape) {
    throw Error(
        ErrorKind::internal,
        fmt::format("{}: writing {} channels of {} {} into block {} of {} channels of {}",
                    info_.source, values.channels(), to_string(values.shape()),
                    name_of(values.dtype()), to_string(box), info_.channels, name_of(info_.dtype)));
  }
  write_box(box, values);
}

void Volume::write_box(const Box3&, const Array&) {
  throw Error(ErrorKind::usage,
              Problem{.subject = info_.source, .found = "opened for reading only"});
}

ArrayVolume::ArrayVolume(VolumeInfo info, Array values)
    : Volume(std::move(info)), values_(std::move(values)) {}

Array ArrayVolume::read_box(const Box3& box) const {
  Array part(values_.dtype(), values_.channels(), box.shape);
  copy_overlap(values_, {0, 0, 0}, part, box.start);
  return part;
}

void ArrayVolume::write_box(const Box3& box, const Array& values) {
  copy_overlap(values, box.start, values_, {0, 0, 0});
}

std::unique_ptr<ArrayVolume> in_memory(Array values, std::optional<Vec3d> voxel_nm) {
  VolumeInfo info;
  info.source = "memory";
  info.format = "memory";
  info.axes = values.channels() == 1 ? "zyx" : "czyx";
  info.dtype = values.dtype();
  info.channels = values.channels();
  info.shape = values.shape();
  info.voxel_nm = voxel_nm;
  if (voxel_nm) {
    info.voxel_nm_source = "given";
  }
  return std::make_unique<ArrayVolume>(std::move(info), std::move(values));
}

}  // namespace retina::core
