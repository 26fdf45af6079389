#pragma once

#include <memory>

#include "retina/data/dataset.h"

namespace retina::data {

/// A dataset of `planes` flat images in memory for tests: image i is filled with grey value i, its
/// label is 1 where x >= side/2.
inline std::shared_ptr<Dataset> memory_dataset(int planes, std::int64_t side) {
  auto dataset = std::make_shared<Dataset>();
  dataset->label_map.class_count = 2;
  for (int i = 0; i < planes; ++i) {
    core::Array image(core::DType::u8, 1, {1, side, side});
    core::Array labels(core::DType::u8, 1, {1, side, side});
    for (std::int64_t y = 0; y < side; ++y) {
      for (std::int64_t x = 0; x < side; ++x) {
        image.at<std::uint8_t>(0, 0, y, x) = static_cast<std::uint8_t>(i);
        labels.at<std::uint8_t>(0, 0, y, x) = x >= side / 2 ? 1 : 0;
      }
    }
    dataset->volumes.push_back({.name = "image" + std::to_string(i),
                                .image = core::in_memory(std::move(image)),
                                .labels = core::in_memory(std::move(labels)),
                                .range = {}});
    dataset->slices.push_back({.volume = i, .axis = 0, .index = 0});
  }
  return dataset;
}

}  // namespace retina::data
