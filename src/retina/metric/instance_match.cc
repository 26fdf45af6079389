#include "retina/metric/instance_match.h"

#include <vector>

#include "retina/label/components.h"
#include "retina/metric/class_mask.h"

namespace retina::metric {

InstanceMatch match_instances(const core::Array& prediction, const core::Array& truth) {
  require_equal_shapes(prediction, truth);
  InstanceMatch result{core::Array(core::DType::u8, 1, truth.shape()), true};
  result.truth_has_background = count_voxels(truth) < truth.voxels();
  if (!result.truth_has_background) {
    return result;
  }
  const auto objects = label::connected_components(prediction, label::Connectivity::corners);
  const auto ids = objects.ids.values<std::uint64_t>();
  const auto actual = truth.values<std::uint8_t>();
  std::vector<bool> touches(objects.count + 1, false);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (actual[i] != 0) {
      touches[ids[i]] = true;
    }
  }
  const auto matched = result.matched.values<std::uint8_t>();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    matched[i] = ids[i] != 0 && touches[ids[i]] ? 1 : 0;
  }
  return result;
}

}  // namespace retina::metric
