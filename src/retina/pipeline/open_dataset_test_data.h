#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/open.h"

namespace retina::pipeline {

inline core::Array filled(const core::Vec3& shape, std::uint8_t value) {
  core::Array array(core::DType::u8, 1, shape);
  for (std::uint8_t& v : array.values<std::uint8_t>()) {
    v = value;
  }
  return array;
}

/// An image or stack in the format of the extension.
inline void write_constant(const std::filesystem::path& path, const core::Vec3& shape,
                           std::uint8_t value) {
  std::filesystem::create_directories(path.parent_path());
  store::CreateOptions options;
  options.shape = shape;
  const auto volume = store::create(path.string(), options);
  volume->write(core::whole(shape), filled(shape, value));
  volume->finish();
}

inline std::vector<std::string> names_in(const data::Dataset& dataset) {
  std::vector<std::string> names;
  for (const data::LabelledVolume& volume : dataset.volumes) {
    names.push_back(volume.name);
  }
  return names;
}

/// Of two classes.
inline data::Dataset open_folder(const data::DataOptions& options) {
  return open_dataset(options, 2, core::silent_context());
}

}  // namespace retina::pipeline
