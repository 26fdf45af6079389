#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "retina/core/lock.h"
#include "retina/core/options.h"
#include "retina/core/volume.h"
#include "retina/store/location.h"

namespace retina::store {

/// How pixels are packed.
enum class Compression {
  automatic,  ///< the format's default
  none,
  deflate,
  zstd,
};

constexpr core::EnumTable<Compression, 4> enum_table(Compression) {
  return {{{Compression::automatic, "automatic"},
           {Compression::none, "none"},
           {Compression::deflate, "deflate"},
           {Compression::zstd, "zstd"}}};
}

/// The versions of OME-Zarr that are written: 0.5 lies on zarr v3, 0.4 on zarr v2.
enum class ZarrVersion { v0_5, v0_4 };

constexpr core::EnumTable<ZarrVersion, 2> enum_table(ZarrVersion) {
  return {{{ZarrVersion::v0_5, "0.5"}, {ZarrVersion::v0_4, "0.4"}}};
}

/// In which order an output takes boxes.
enum class WriteOrder {
  any,     ///< any boxes; threads may write to different units at once
  planes,  ///< whole planes in z order, each once
};

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
  Compression compression = Compression::automatic;
  ZarrVersion zarr_version = ZarrVersion::v0_5;  ///< 0.4 has no shards: each chunk is a file
  bool overwrite = false;
  /// Label images of an image to overwrite that the same job writes anew: they may go with it. Any
  /// other content that a replaced folder does not share with the new one is refused.
  std::vector<std::string> replaced_labels = {};
  /// usage error from create() for an image inside "x.zarr" while that is neither there nor being
  /// written; false for a trial elsewhere.
  bool needs_image = true;
  /// Names the plan that makes the content. An unfinished output with the same key is continued:
  /// what is in it stays and is_written() tells about it. Empty = an unfinished output is thrown
  /// away.
  std::string resume_key = {};
  /// Asked for while finish() works (pyramids take minutes): it ends with interrupted then.
  std::stop_token stop = {};
  /// Folder of slices: stems of the files, one for each slice; empty = the zero-padded index.
  std::vector<std::string> slice_names = {};

  /// What is wrong with these options, all at once.
  std::vector<Problem> validate() const;
};

/// A volume that is being written. It lies under OutputPlace::partial until finish().
class OutputVolume : public core::Volume {
 public:
  /// The unit of storage in voxels z, y, x: a shard, a slice, a page. Boxes aligned to it are
  /// written without reading, and threads may write to different units at once.
  core::Vec3 write_unit() const { return write_unit_; }

  virtual WriteOrder write_order() const { return WriteOrder::any; }

  /// True if every storage unit that `box` touches has been stored, in this process or, with a
  /// resume_key, in an earlier one. A unit counts after any write to it, so a job that means to
  /// resume writes whole units. TIFF stacks cannot be continued: of an earlier process's pages none
  /// is kept.
  virtual bool is_written(const core::Box3& box) const = 0;

  /// Keeps other processes off the output for as long as this volume lives.
  void hold(core::OutputLock lock) { lock_ = std::move(lock); }

 protected:
  OutputVolume(core::VolumeInfo info, const core::Vec3& write_unit)
      : Volume(std::move(info)), write_unit_(write_unit) {}

 private:
  core::Vec3 write_unit_;
  core::OutputLock lock_;
};

/// The description of a volume to be created at `path` with `options`, axes "zyx" or "czyx".
core::VolumeInfo output_info(const std::string& path, std::string_view format,
                             const CreateOptions& options);

/// Throws usage if `final_path` exists and may not be overwritten.
void refuse_existing(const std::filesystem::path& final_path, const CreateOptions& options);

/// Throws usage if a file has the name that a folder is to get, or the other way round.
void refuse_other_kind(const std::filesystem::path& final_path, bool becomes_folder);

/// Names of the entries of a folder, hidden ones left out, of which `is_own` says no.
std::vector<std::string> foreign_entries(
    const std::filesystem::path& folder,
    const std::function<bool(const std::filesystem::directory_entry&)>& is_own);

/// Throws usage naming `foreign`, what a folder to be replaced holds besides such an output, unless
/// there is nothing.
void refuse_foreign(const std::filesystem::path& folder, const std::vector<std::string>& foreign);

/// Throws usage if finishing `output` would replace `input`: the same thing, or a folder around it.
void refuse_replacing_input(const std::string& input, const std::string& output);

/// Makes the folder for work in progress, empty, or as an earlier run with the same resume_key left
/// it. usage error if it holds the unfinished work of another plan and options.overwrite is not
/// set.
void prepare_partial_folder(const std::filesystem::path& partial, const CreateOptions& options);

/// Removes the resume key, and all else whose name begins with ".resume_", from a folder that has
/// got its final name; before that, a killed process would leave finished work that nobody can tell
/// from leftovers.
void forget_resume_key(const std::filesystem::path& finished);

}  // namespace retina::store
