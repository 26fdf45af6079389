#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "retina/core/sized_file.h"
#include "retina/core/volume.h"

namespace retina::engine {

/// A uint8 volume in one file of uncompressed cubic chunks: the accumulator of an orthoplane
/// prediction that does not fit into memory. Slabs along any axis touch few chunks. What was never
/// written is 0. An existing file of the same size is continued.
class ScratchVolume final : public core::Volume {
 public:
  static constexpr std::int64_t kChunk = 32;  ///< voxels per side

  ScratchVolume(const std::filesystem::path& file, int channels, const core::Vec3& shape);

  /// Bytes that such a file takes when it is full.
  static std::int64_t file_bytes(int channels, const core::Vec3& shape);

  /// Makes durable what was written, so that a journal may speak of it.
  void sync();

 protected:
  core::Array read_box(const core::Box3& box) const override;
  void write_box(const core::Box3& box, const core::Array& values) override;

 private:
  core::Array read_chunk(const core::Vec3& chunk) const;
  std::int64_t offset(const core::Vec3& chunk) const;

  core::SizedFile file_;
};

}  // namespace retina::engine
