#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/engine/volume_plan.h"
#include "retina/label/clean.h"
#include "retina/model/postprocess.h"
#include "retina/store/output.h"

namespace retina::pipeline {

/// What `postprocess` means for labels of `input` predicted in `mode`. Objects extend through the
/// volume, in 2d mode (or with 4 or 8 neighbours) through slices, and touch by corners unless
/// instances says otherwise. usage error for a size in nm3 where voxels have none.
label::CleanRules clean_rules(const model::Postprocess& postprocess, const core::VolumeInfo& input,
                              engine::AxesMode mode);

/// False for rules that change and number nothing.
bool cleans(const label::CleanRules& rules);

/// uint32 where all ids fit, else uint64.
core::DType id_type(std::uint64_t objects);

/// Bytes for each voxel of a block that write_cleaned() works on.
inline constexpr std::int64_t kCleaningBytesPerVoxel = 32;

/// Where cleaned labels go; each is made, filled and finished by write_cleaned().
struct CleanedTargets {
  std::function<std::unique_ptr<store::OutputVolume>()> labels;
  std::function<std::unique_ptr<store::OutputVolume>(core::DType)> ids;  ///< called if wanted
};

struct CleanedCounts {
  std::uint64_t objects = 0;
  std::uint64_t removed = 0;
  std::uint64_t holes = 0;
};

/// Cleans `labels` (uint8, one channel) by blocks of whole storage units, within about `max_bytes`:
/// half for a block, the rest for what is kept of objects. resource error where they are too many.
CleanedCounts write_cleaned(const core::Volume& labels, const label::CleanRules& rules,
                            const CleanedTargets& targets, std::int64_t max_bytes,
                            const core::Context& context);

}  // namespace retina::pipeline
