#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/core/volume.h"
#include "retina/model/model.h"
#include "retina/model/tiny_card_for_test.h"
#include "retina/pipeline/predict/predict.h"
#include "retina/store/open.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {

/// A small network without training, of `channels` outputs.
inline std::string save_tiny_model(const std::filesystem::path& folder, int channels) {
  torch::manual_seed(1);
  const model::Card card = model::tiny_card(channels, 64);
  const auto network = net::make_network("transunet", card.network_options);
  network->eval();
  model::save(folder, card, *network);
  return folder.string();
}

inline core::Array noise(const core::Vec3& shape, std::uint64_t seed) {
  core::Array array(core::DType::u8, 1, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : array.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return array;
}

inline std::string write_volume(const std::filesystem::path& path, const core::Array& values,
                                std::optional<core::Vec3d> voxel_nm = std::nullopt) {
  store::CreateOptions how;
  how.shape = values.shape();
  how.voxel_nm = voxel_nm;
  const auto volume = store::create(path.string(), how);
  volume->write(core::whole(values.shape()), values);
  volume->finish();
  return path.string();
}

inline core::Array read_volume(const std::string& path) {
  const auto volume = store::open(path);
  return volume->read(core::whole(volume->shape()));
}

inline PredictOptions prediction_of(const std::string& model, const std::string& input,
                                    const std::string& output) {
  PredictOptions options;
  options.model = model;
  options.input = input;
  options.output = output;
  options.precision = tensor::Precision::fp32;
  options.threads = 1;
  return options;
}

/// In which a stop is asked for at the first sign of progress.
inline core::Context context_that_stops_soon() {
  return retina::testing::stopping_context(
      [](const retina::testing::Reported& reported) { return reported.is_update(); });
}

class Predict : public ::testing::Test {
 protected:
  PredictOptions options_for(const std::string& input, const std::string& output) const {
    return prediction_of(model_, input, (folder_ / output).string());
  }
  PredictReport run(const PredictOptions& options) const {
    return predict(options, core::silent_context());
  }
  ErrorKind error_of(const PredictOptions& options) const {
    try {
      run(options);
    } catch (const Error& error) {
      message_ = error.what();
      return error.kind();
    }
    return ErrorKind::internal;
  }
  /// A threshold that `share` of the probabilities of a volume lie under.
  double threshold_over(double share, const std::string& input, engine::AxesMode mode) const {
    PredictOptions options = options_for(input, "probe.zarr");
    options.axes_mode = mode;
    options.probabilities = true;
    const PredictReport report = run(options);
    core::Array p = read_volume(report.probabilities);
    const auto values = p.values<std::uint8_t>();
    const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size()));
    std::nth_element(values.begin(), values.begin() + rank, values.end());
    std::filesystem::remove_all(report.output);
    std::filesystem::remove_all(report.probabilities);
    return (values[static_cast<std::size_t>(rank)] + 0.5) / 255;
  }
  std::string image_folder() const {
    std::filesystem::create_directories(folder_ / "images");
    write_volume(folder_ / "images" / "a.png", noise({1, 70, 90}, 1));
    write_volume(folder_ / "images" / "b.png", noise({1, 40, 130}, 2));
    return (folder_ / "images").string();
  }

  retina::testing::TempFolder folder_;
  std::string model_ = save_tiny_model(folder_ / "model", 1);
  mutable std::string message_;
};

}  // namespace retina::pipeline
