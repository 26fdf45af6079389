#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/volume.h"

namespace retina::store {

struct CreateOptions {
  core::DType dtype = core::DType::u8;
  int channels = 1;
  core::Vec3 shape{0, 0, 0};  ///< z, y, x
  std::optional<core::Vec3d> voxel_nm = {};
  core::Vec3d offset_nm{0, 0, 0};
  bool is_labels = false;  ///< pyramids by mode (nearest) rather than mean
  int pyramid_levels = 0;  ///< extra levels beyond full size; -1 = until the smallest side is < 64
  core::Vec3 chunk{0, 0, 0};  ///< 0 = the format's default
  core::Vec3 shard{0, 0, 0};  ///< 0 = the format's default
  bool overwrite = false;
  /// Names the plan that makes the content. An unfinished output with the same key is continued:
  /// what is in it stays and is_written() tells about it. Empty = an unfinished output is thrown
  /// away.
  std::string resume_key = {};
  /// Folder of slices: stems of the files, one for each slice; empty = the zero-padded index.
  std::vector<std::string> slice_names = {};

  /// What is wrong with these options, all at once.
  std::vector<Problem> validate() const;
};

/// A volume that is being written. It lies under core::partial_path until finish().
class OutputVolume : public core::Volume {
 public:
  /// The unit of storage in voxels z, y, x: a shard, a slice, a page. Boxes aligned to it are
  /// written without reading, and threads may write to different units at once.
  core::Vec3 write_unit() const { return write_unit_; }

  /// True if every storage unit that `box` touches has been stored, in this process or, with a
  /// resume_key, in an earlier one. A unit counts after any write to it, so a job that means to
  /// resume writes whole units. TIFF stacks cannot be continued: of an earlier process's pages none
  /// is kept.
  virtual bool is_written(const core::Box3& box) const = 0;

 protected:
  OutputVolume(core::VolumeInfo info, const core::Vec3& write_unit)
      : Volume(std::move(info)), write_unit_(write_unit) {}

 private:
  core::Vec3 write_unit_;
};

/// The description of a volume to be created at `path` with `options`, axes "zyx" or "czyx".
core::VolumeInfo output_info(const std::string& path, std::string_view format,
                             const CreateOptions& options);

/// Throws usage if `final_path` exists and may not be overwritten.
void refuse_existing(const std::filesystem::path& final_path, const CreateOptions& options);

/// Makes the folder for work in progress, empty, or as an earlier run with the same resume_key left
/// it. usage error if it holds the unfinished work of another plan and options.overwrite is not
/// set.
void prepare_partial_folder(const std::filesystem::path& partial, const CreateOptions& options);

/// Removes the record of the resume key, before the folder gets its final name.
void forget_resume_key(const std::filesystem::path& partial);

}  // namespace retina::store
