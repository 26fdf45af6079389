#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"

namespace retina::pipeline {

struct InfoOptions {
  std::string path;
  std::string axes{};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("path", self.path, "image, stack, folder of slices, pack, or container:dataset");
    visit("axes", self.axes,
          "axes as stored, slowest first, such as czyx: for files that do not state them");
  }
  std::vector<Problem> validate() const;
};

/// Smallest and largest stored value, and of how many voxels they were taken.
struct ValueRange {
  double low = 0;
  double high = 0;
  std::int64_t voxels = 0;
  bool whole = false;  ///< every voxel was looked at
};

struct InfoReport {
  core::VolumeInfo info;
  ValueRange range;
};

/// How a file was understood. Volumes under 64 MiB are decoded whole for the value range, larger
/// ones sampled.
InfoReport info(const InfoOptions& options, const core::Context& context);

/// Keys axes, shape (in the order of axes), dtype, voxel_nm (z,y,x or null), voxel_nm_source,
/// offset_nm, format, value_range, notes.
Json to_json(const InfoReport& report);
std::string to_text(const InfoReport& report);

}  // namespace retina::pipeline
