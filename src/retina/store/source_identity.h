#pragma once

#include <map>
#include <optional>
#include <string>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/volume.h"

namespace retina::store {

/// What tells one input from another of the same name: how it was read (source, format, axes,
/// channels, shape, type, voxel size, offset), with size and time of change of its file. Of a
/// folder these are taken of the files that describe it (`zarr.json`, `info`, ...), or else of all
/// its files. Reads no content. A volume that lies in no file is told by its description alone.
Json source_identity(const core::VolumeInfo& info);

/// bad_data if that has become another than `before`: what was read may be of two files.
void require_unchanged(const core::VolumeInfo& info, const Json& before);

/// The same for many images: size and time of change of their files, kept once for each source, and
/// once for all images of a pack.
class InputFiles {
 public:
  /// What the verb does when it is run again: begin, or continue unfinished work.
  enum class Rerun { afresh, continued };

  void add(const std::string& source);
  /// What is told of the first that changed since it was added.
  std::optional<Problem> change(Rerun rerun) const;
  /// bad_data if one changed.
  void require_unchanged(Rerun rerun) const;

 private:
  std::map<std::string, std::string> digests_;  ///< by source: there may be very many
};

}  // namespace retina::store
