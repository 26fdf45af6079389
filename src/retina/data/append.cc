#include "retina/data/append.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "retina/data/volume_views.h"

namespace retina::data {

namespace {

void state_as_classes(Dataset& dataset) {
  for (LabelledVolume& volume : dataset.volumes) {
    if (volume.labels) {
      volume.labels = class_view(volume.labels, dataset.label_map);
    }
  }
  dataset.label_map = {
      .values = {}, .ignore_value = kIgnore, .class_count = dataset.label_map.class_count};
}

}  // namespace

void append(Dataset& all, Dataset more) {
  if (all.volumes.empty()) {
    all = std::move(more);
    return;
  }
  if (!(all.label_map == more.label_map)) {
    state_as_classes(all);
    state_as_classes(more);
  }
  const int offset = static_cast<int>(all.volumes.size());
  for (Slice slice : more.slices) {
    slice.volume += offset;
    all.slices.push_back(slice);
  }
  std::move(more.volumes.begin(), more.volumes.end(), std::back_inserter(all.volumes));
  if (all.range == core::IntensityRange{}) {
    all.range = more.range;
  }
}

}  // namespace retina::data
