#include "retina/pipeline/pretrain/pretraining_data.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "retina/data/append.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {
namespace {

/// Lists every plane as often as patches fit in it.
void repeat_planes(data::Dataset& source, std::int64_t patch) {
  std::vector<data::Slice> repeated;
  for (const data::Slice& slice : source.slices) {
    const data::LabelledVolume& volume = source.volumes[static_cast<std::size_t>(slice.volume)];
    const core::Vec3 plane = data::plane_shape(volume.image->shape(), slice.axis);
    const std::int64_t fit = patch > 0 ? std::max<std::int64_t>(1, plane[1] / patch) *
                                             std::max<std::int64_t>(1, plane[2] / patch)
                                       : 1;
    repeated.insert(repeated.end(), static_cast<std::size_t>(fit), slice);
  }
  source.slices = std::move(repeated);
}

/// That of all images used, if it is one. A pack, whose images are bytes, tells the one by which
/// they were made.
core::IntensityRange range_of(const data::Dataset& source) {
  const core::IntensityRange bytes;
  const auto is_bytes = [&](const auto& volume) { return volume.range == bytes; };
  if (std::all_of(source.volumes.begin(), source.volumes.end(), is_bytes)) {
    return source.range;
  }
  std::optional<core::IntensityRange> common;
  for (const int number : data::volumes_used(source)) {
    const core::IntensityRange& range = source.volumes[static_cast<std::size_t>(number)].range;
    if (common && !(*common == range)) {
      return bytes;
    }
    common = range;
  }
  return common.value_or(bytes);
}

}  // namespace

PretrainingImages open_images(const PretrainOptions& options, const core::Context& context) {
  if (!options.images.empty() && !options.data.empty()) {
    context.log->info("images are given: the {} sources under data are not used",
                      options.data.size());
  }
  PretrainingImages images;
  for (const data::DataOptions& one : options.sources()) {
    data::Dataset source = open_dataset(one, 1, context);
    images.records.push_back(source_record(one, source.slices.size()));
    const core::IntensityRange range = range_of(source);
    const bool is_common = images.dataset->volumes.empty() || images.range == range;
    images.range = is_common ? range : core::IntensityRange{};
    repeat_planes(source, options.augment.patch);
    data::append(*images.dataset, std::move(source));
  }
  return images;
}

std::int64_t steps_of_epoch(const data::Dataset& dataset, const PretrainOptions& options) {
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(dataset.slices.size()) / options.batch);
}

std::int64_t steps_of_run(const data::Dataset& dataset, const PretrainOptions& options) {
  return options.steps > 0 ? options.steps : options.epochs * steps_of_epoch(dataset, options);
}

}  // namespace retina::pipeline
