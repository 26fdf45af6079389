#include "retina/engine/scratch_volume.h"

namespace retina::engine {

namespace {

constexpr core::Vec3 kChunkShape{ScratchVolume::kChunk, ScratchVolume::kChunk,
                                 ScratchVolume::kChunk};

std::int64_t chunks_along(std::int64_t side) {
  return (side + ScratchVolume::kChunk - 1) / ScratchVolume::kChunk;
}

std::int64_t chunk_bytes(int channels) {
  return channels * ScratchVolume::kChunk * ScratchVolume::kChunk * ScratchVolume::kChunk;
}

core::VolumeInfo scratch_info(const std::filesystem::path& file, int channels,
                              const core::Vec3& shape) {
  core::VolumeInfo info;
  info.source = file.string();
  info.format = "scratch";
  info.axes = channels > 1 ? "czyx" : "zyx";
  info.channels = channels;
  info.shape = shape;
  info.chunk = kChunkShape;
  return info;
}

/// Calls `visit(chunk index, first voxel of the chunk)` for all chunks that meet `box`.
template <class Visit>
void for_each_chunk(const core::Box3& box, Visit visit) {
  const core::Vec3 stop = box.stop();
  constexpr std::int64_t kSide = ScratchVolume::kChunk;
  for (std::int64_t z = box.start[0] / kSide; z * kSide < stop[0]; ++z) {
    for (std::int64_t y = box.start[1] / kSide; y * kSide < stop[1]; ++y) {
      for (std::int64_t x = box.start[2] / kSide; x * kSide < stop[2]; ++x) {
        visit(core::Vec3{z, y, x}, core::Vec3{z * kSide, y * kSide, x * kSide});
      }
    }
  }
}

}  // namespace

ScratchVolume::ScratchVolume(const std::filesystem::path& file, int channels,
                             const core::Vec3& shape)
    : Volume(scratch_info(file, channels, shape)), file_(file, file_bytes(channels, shape)) {}

std::int64_t ScratchVolume::file_bytes(int channels, const core::Vec3& shape) {
  return chunk_bytes(channels) * chunks_along(shape[0]) * chunks_along(shape[1]) *
         chunks_along(shape[2]);
}

void ScratchVolume::sync() {
  file_.sync();
}

std::int64_t ScratchVolume::offset(const core::Vec3& chunk) const {
  const std::int64_t index =
      (chunk[0] * chunks_along(shape()[1]) + chunk[1]) * chunks_along(shape()[2]) + chunk[2];
  return index * chunk_bytes(info_.channels);
}

core::Array ScratchVolume::read_chunk(const core::Vec3& chunk) const {
  core::Array values(core::DType::u8, info_.channels, kChunkShape);
  file_.read(values.bytes(), offset(chunk));
  return values;
}

core::Array ScratchVolume::read_box(const core::Box3& box) const {
  core::Array values(core::DType::u8, info_.channels, box.shape);
  for_each_chunk(box, [&](const core::Vec3& chunk, const core::Vec3& start) {
    core::copy_overlap(read_chunk(chunk), start, values, box.start);
  });
  return values;
}

void ScratchVolume::write_box(const core::Box3& box, const core::Array& values) {
  for_each_chunk(box, [&](const core::Vec3& chunk, const core::Vec3& start) {
    const core::Box3 extent = core::intersect({start, kChunkShape}, core::whole(shape()));
    core::Array content = box.contains(extent)
                              ? core::Array(core::DType::u8, info_.channels, kChunkShape)
                              : read_chunk(chunk);
    core::copy_overlap(values, box.start, content, start);
    file_.write(content.bytes(), offset(chunk));
  });
}

}  // namespace retina::engine
