#include "retina/label/block_grid.h"

#include <algorithm>

namespace retina::label {

core::Vec3 sides_within(const core::Vec3& shape, const core::Vec3& block) {
  core::Vec3 sides{};
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t side = std::max<std::int64_t>(shape[a], 1);
    sides[a] = block[a] <= 0 ? side : std::min(block[a], side);
  }
  return sides;
}

BlockGrid::BlockGrid(const core::Vec3& shape, const core::Vec3& block)
    : shape_(shape), block_(sides_within(shape, block)), counts_{0, 0, 0} {
  for (std::size_t a = 0; a < 3; ++a) {
    counts_[a] = (shape[a] + block_[a] - 1) / block_[a];
  }
}

core::Box3 BlockGrid::box(std::int64_t number) const {
  const core::Vec3 index{number / (counts_[1] * counts_[2]), number / counts_[2] % counts_[1],
                         number % counts_[2]};
  core::Box3 box;
  for (std::size_t a = 0; a < 3; ++a) {
    box.start[a] = index[a] * block_[a];
    box.shape[a] = std::min(block_[a], shape_[a] - box.start[a]);
  }
  return box;
}

std::vector<std::int64_t> BlockGrid::meeting(const core::Box3& box) const {
  std::vector<std::int64_t> numbers;
  if (box.empty()) {
    return numbers;
  }
  const auto first = [&](std::size_t a) { return box.start[a] / block_[a]; };
  const auto last = [&](std::size_t a) { return (box.stop()[a] - 1) / block_[a]; };
  for (std::int64_t z = first(0); z <= last(0); ++z) {
    for (std::int64_t y = first(1); y <= last(1); ++y) {
      for (std::int64_t x = first(2); x <= last(2); ++x) {
        numbers.push_back((z * counts_[1] + y) * counts_[2] + x);
      }
    }
  }
  return numbers;
}

core::Vec3 block_of_units(const core::Vec3& shape, const core::Vec3& unit,
                          std::int64_t max_voxels) {
  core::Vec3 block{};
  for (std::size_t a = 0; a < 3; ++a) {
    block[a] = std::clamp<std::int64_t>(unit[a], 1, std::max<std::int64_t>(shape[a], 1));
  }
  for (const std::size_t a : {2U, 1U, 0U}) {
    const std::int64_t others = block[0] * block[1] * block[2] / block[a];
    const std::int64_t fitting = max_voxels / others;
    block[a] = fitting >= shape[a] ? std::max(block[a], shape[a])
                                   : std::max(block[a], fitting / block[a] * block[a]);
  }
  return block;
}

}  // namespace retina::label
