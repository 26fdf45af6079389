#pragma once

#include <cstdint>

#include "retina/core/array.h"
#include "retina/core/rng.h"

namespace retina::label {

/// Voxels of classes 1..classes with probability `density`, else 0.
inline core::Array random_classes(const core::Vec3& shape, int classes, double density,
                                  std::uint64_t seed) {
  core::Array labels(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (auto& value : labels.values<std::uint8_t>()) {
    value =
        rng.chance(density) ? static_cast<std::uint8_t>(rng.integer(1, classes)) : std::uint8_t{0};
  }
  return labels;
}

/// A random block shape that fits `shape` a few times.
inline core::Vec3 random_block(const core::Vec3& shape, core::Rng& rng) {
  core::Vec3 block{};
  for (std::size_t a = 0; a < 3; ++a) {
    block[a] = rng.integer(1, shape[a]);
  }
  return block;
}

inline core::Array part_of(const core::Array& values, const core::Box3& box) {
  core::Array part(values.dtype(), values.channels(), box.shape);
  core::copy_overlap(values, {0, 0, 0}, part, box.start);
  return part;
}

}  // namespace retina::label
