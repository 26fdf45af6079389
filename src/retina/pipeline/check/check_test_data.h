#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retina/core/array.h"
#include "retina/core/box.h"
#include "retina/store/open.h"

namespace retina::pipeline {

/// A side x side PNG: a ramp, or a mask whose right half has the value `label`.
inline void write_png(const std::filesystem::path& path, std::int64_t side,
                      std::optional<std::uint8_t> label = std::nullopt) {
  std::filesystem::create_directories(path.parent_path());
  core::Array array(core::DType::u8, 1, {1, side, side});
  for (std::int64_t y = 0; y < side; ++y) {
    for (std::int64_t x = 0; x < side; ++x) {
      array.at<std::uint8_t>(0, 0, y, x) =
          label ? (x >= side / 2 ? *label : std::uint8_t{0}) : static_cast<std::uint8_t>(4 * x + y);
    }
  }
  store::CreateOptions options;
  options.shape = {1, side, side};
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole({1, side, side}), array);
  volume->finish();
}

}  // namespace retina::pipeline
