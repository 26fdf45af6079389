#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/box.h"
#include "retina/core/dtype.h"

namespace retina::core {

/// How an image or volume was understood. Known from metadata alone, before a voxel is read.
struct VolumeInfo {
  std::string source;  ///< path as the user named it, or a description for memory
  std::string format;  ///< "png", "tiff", "image folder (png)", "ome-zarr 0.5", "pack", "memory"
  std::string axes = "zyx";  ///< as stored: "yx", "zyx", "czyx"; read() always gives c,z,y,x
  DType dtype = DType::u8;
  int channels = 1;
  Vec3 shape{0, 0, 0};            ///< z, y, x; a 2D image has z = 1
  std::optional<Vec3d> voxel_nm;  ///< z, y, x; absent if the file does not say
  std::string
      voxel_nm_source;  ///< where voxel_nm came from ("OME-Zarr scale", "TIFF resolution tag", ...)
  Vec3d offset_nm{0, 0, 0};
  Vec3 chunk{1, 0, 0};     ///< natural unit of reading, z, y, x; 0 = the whole side
  bool is_labels = false;  ///< the file says that its values are label ids
  std::vector<std::string>
      notes;  ///< things worth telling the user: gaps in numbering, dropped alpha, ...

  bool is_2d() const { return shape[0] == 1 && axes.find('z') == std::string::npos; }
};

/// The one interface to image data. Implementations are safe for concurrent read() from several
/// threads, and for concurrent write() to boxes that share no chunk.
class Volume {
 public:
  virtual ~Volume() = default;
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  const VolumeInfo& info() const { return info_; }
  const Vec3& shape() const { return info_.shape; }

  /// All channels of `box` (which must lie inside the volume; bad_data/usage error otherwise), axes
  /// c,z,y,x, as stored.
  Array read(const Box3& box) const;

  /// Writes all channels of `box`; dtype and channels must be the volume's. Throws usage if
  /// read-only.
  void write(const Box3& box, const Array& values);

  /// Makes everything written durable under its final name (builds pyramids, closes shards).
  /// Idempotent.
  virtual void finish() {}

 protected:
  explicit Volume(VolumeInfo info) : info_(std::move(info)) {}
  virtual Array read_box(const Box3& box) const = 0;
  virtual void write_box(const Box3& box, const Array& values);

  VolumeInfo info_;
};

/// A volume held in memory.
class ArrayVolume final : public Volume {
 public:
  ArrayVolume(VolumeInfo info, Array values);
  const Array& array() const { return values_; }

 protected:
  Array read_box(const Box3& box) const override;
  void write_box(const Box3& box, const Array& values) override;

 private:
  Array values_;
};

/// ArrayVolume with format "memory" and axes "zyx"/"czyx".
std::unique_ptr<ArrayVolume> in_memory(Array values, std::optional<Vec3d> voxel_nm = std::nullopt);

}  // namespace retina::core
