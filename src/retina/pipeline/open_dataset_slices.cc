#include "retina/pipeline/open_dataset_slices.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace retina::pipeline {

void choose_slices(data::Dataset& dataset, const data::DataOptions& options,
                   std::vector<Problem>& problems) {
  if (!options.slices.empty() && options.axes.size() > 1) {
    problems.push_back(
        {.subject = "slices",
         .found = fmt::format("'{}' together with {} axes", options.slices, options.axes.size()),
         .expected = "a range of planes across one axis",
         .remedy = "cut the volume itself, so that planes of other axes do not "
                   "cross into the part left out"});
    return;
  }
  for (std::size_t v = 0; v < dataset.volumes.size(); ++v) {
    const core::Vec3& shape = dataset.volumes[v].image->shape();
    for (const std::string& name : options.axes) {
      const int axis = data::axis_of_plane(name);
      if (shape[0] == 1 && axis != 0) {
        continue;  // a 2D image has one plane
      }
      const auto planes = data::slices_across(shape, static_cast<int>(v), axis, options.every);
      dataset.slices.insert(dataset.slices.end(), planes.begin(), planes.end());
    }
  }
  const auto count = static_cast<std::int64_t>(dataset.slices.size());
  const data::PlaneRange range = data::parse_range(options.slices, count);
  if (count > 0 && range.first >= range.stop) {
    problems.push_back(
        {.subject = "slices",
         .found = fmt::format("'{}'", options.slices),
         .expected = fmt::format("a range within the {} planes of the dataset", count),
         .remedy = {}});
  }
  dataset.slices = {dataset.slices.begin() + range.first, dataset.slices.begin() + range.stop};
}

}  // namespace retina::pipeline
