#include "retina/pipeline/predict/object_cleaning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace retina::pipeline {
namespace {

constexpr std::int64_t kMostBlockVoxels = std::int64_t{1} << 24;

label::ComponentRules object_rules(int instances, engine::AxesMode mode) {
  label::ComponentRules rules;
  switch (instances) {
    case 4:
    case 6:
      rules.connectivity = label::Connectivity::faces;
      break;
    case 18:
      rules.connectivity = label::Connectivity::edges;
      break;
    default:
      rules.connectivity = label::Connectivity::corners;
  }
  const bool by_slices = instances == 0 ? mode == engine::AxesMode::plane : instances < 6;
  rules.extent = by_slices || instances == 8 ? label::Extent::slices : label::Extent::volume;
  return rules;
}

std::uint64_t least_voxels(const model::Postprocess& postprocess, const core::VolumeInfo& input) {
  const auto stated = static_cast<std::uint64_t>(postprocess.min_object_size);
  if (postprocess.min_object_nm3 == 0) {
    return stated;
  }
  if (!input.voxel_nm) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("'{}'", input.source),
                        .found = "a voxel size that is not known",
                        .expected = "one, for --min-object-nm3",
                        .remedy = "give --voxel-size-nm z,y,x, or --min-object-size in voxels with "
                                  "--min-object-nm3 0"});
  }
  const auto& [z, y, x] = *input.voxel_nm;
  const double voxels = std::ceil(postprocess.min_object_nm3 / (z * y * x));
  constexpr double kMost = 9e18;  // more voxels than any volume has
  return std::max(stated, static_cast<std::uint64_t>(std::min(voxels, kMost)));
}

}  // namespace

label::CleanRules clean_rules(const model::Postprocess& postprocess, const core::VolumeInfo& input,
                              engine::AxesMode mode) {
  label::CleanRules rules;
  if (postprocess.fill_holes != model::FillHoles::none) {
    const bool by_slices =
        postprocess.fill_holes == model::FillHoles::slices || input.shape[0] == 1;
    rules.fill_holes = by_slices ? label::FillHoles::slices : label::FillHoles::volume;
  }
  rules.min_voxels = least_voxels(postprocess, input);
  rules.objects = object_rules(postprocess.instances, mode);
  rules.ids = postprocess.instances == 0 ? label::ObjectIds::unwanted : label::ObjectIds::wanted;
  return rules;
}

bool cleans(const label::CleanRules& rules) {
  return rules.fill_holes != label::FillHoles::none || rules.min_voxels > 1 ||
         rules.ids == label::ObjectIds::wanted;
}

core::DType id_type(std::uint64_t objects) {
  return objects <= std::numeric_limits<std::uint32_t>::max() ? core::DType::u32 : core::DType::u64;
}

CleanedCounts write_cleaned(const core::Volume& labels, const label::CleanRules& rules,
                            const CleanedTargets& targets, std::int64_t max_bytes,
                            const core::Context& context) {
  const auto labels_out = targets.labels();
  const std::int64_t voxels = std::min(kMostBlockVoxels, max_bytes / 2 / kCleaningBytesPerVoxel);
  const core::Vec3 side = label::block_of_units(labels.shape(), labels_out->write_unit(), voxels);
  const label::BlockGrid grid(labels.shape(), side);
  label::CleanRules bounded = rules;
  bounded.max_bytes = std::max(  // a storage unit may be larger than half of the memory
      max_bytes - core::whole(side).voxels() * kCleaningBytesPerVoxel, max_bytes / 4);
  const label::CleanedLabels cleaned(labels, grid, bounded, context);
  std::unique_ptr<store::OutputVolume> ids_out;
  if (rules.ids == label::ObjectIds::wanted) {
    ids_out = targets.ids(id_type(cleaned.objects()));
  }
  context.progress->begin("writing labels", grid.count(), "blocks");
  for (std::int64_t number = 0; number < grid.count(); ++number) {
    context.check_stop();
    const label::CleanedLabels::Block block = cleaned.read(number);
    labels_out->write(grid.box(number), block.labels);
    if (ids_out) {
      ids_out->write(grid.box(number), core::convert(block.ids, ids_out->info().dtype));
    }
    context.progress->update(number + 1);
  }
  context.progress->end();
  if (ids_out) {
    ids_out->finish();
  }
  labels_out->finish();
  return {cleaned.objects(), cleaned.removed(), cleaned.holes()};
}

}  // namespace retina::pipeline
