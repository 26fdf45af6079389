#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/pipeline/reading_options.h"

namespace retina::pipeline {

struct InfoOptions {
  std::string path;
  ReadingOptions reading{};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("path", self.path, "image, stack, folder of slices, pack, or container:dataset");
    ReadingOptions::fields(self.reading, visit);
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

/// One of the datasets of a container.
struct ContainedDataset {
  std::string path;                      ///< as it is given to any verb: "file.zarr:labels/cells"
  std::optional<core::VolumeInfo> info;  ///< nothing if it cannot be opened
  std::string problem;                   ///< why not
};

struct InfoReport {
  std::string path;
  std::optional<core::VolumeInfo>
      info;  ///< nothing for a container that must be told which dataset
  ValueRange range;
  std::vector<ContainedDataset> datasets;  ///< of a container with several
};

/// How a file was understood, and what else its container holds. Volumes under 64 MiB are decoded
/// whole for the value range, larger ones sampled.
InfoReport info(const InfoOptions& options, const core::Context& context);

/// The same of a volume that is open.
InfoReport describe(const core::Volume& volume);

/// Keys axes, shape (in the order of axes), dtype, voxel_nm (z,y,x or null), voxel_nm_source,
/// offset_nm, format, value_range, notes, datasets. Of a container that must be told which dataset
/// all but path, format and datasets are null.
Json to_json(const InfoReport& report);
std::string to_text(const InfoReport& report);

}  // namespace retina::pipeline
