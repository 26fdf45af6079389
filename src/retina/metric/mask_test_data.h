#pragma once

#include <cstdint>
#include <memory>

#include "retina/core/array.h"
#include "retina/core/rng.h"
#include "retina/core/volume.h"
#include "retina/metric/streamed_masks.h"

namespace retina::metric {

inline core::Array random_mask(const core::Vec3& shape, double density, std::uint64_t seed) {
  core::Array mask(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (auto& value : mask.values<std::uint8_t>()) {
    value = rng.chance(density) ? 1 : 0;
  }
  return mask;
}

inline StreamedMasks masks_of(const core::Array& prediction, const core::Array& truth) {
  const auto reader = [](const core::Array& mask) {
    return [volume = std::shared_ptr<const core::Volume>(core::in_memory(mask))](
               const core::Box3& box) { return volume->read(box); };
  };
  return {prediction.shape(), reader(prediction), reader(truth)};
}

}  // namespace retina::metric
