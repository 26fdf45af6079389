#include "retina/pipeline/predict/physical_scale.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/resampled_volume.h"

namespace retina::pipeline {
namespace {

double pixel_side(const core::Vec3d& voxel_nm) {
  return std::sqrt(voxel_nm[1] * voxel_nm[2]);
}

/// The factor upside up: 2 for half and for double.
double distance(double factor) {
  return std::max(factor, 1 / factor);
}

/// "4 or 10", each once.
std::string pixel_sides(const std::vector<core::Vec3d>& voxels_nm) {
  std::vector<std::string> sides;
  for (const core::Vec3d& voxel : voxels_nm) {
    std::string side = fmt::format("{:.3g}", pixel_side(voxel));
    if (std::find(sides.begin(), sides.end(), side) == sides.end()) {
      sides.push_back(std::move(side));
    }
  }
  return fmt::format("{}", fmt::join(sides, " or "));
}

Error missing_size(const std::string& subject, const char* flag) {
  return {ErrorKind::usage, Problem{.subject = subject,
                                    .found = "a voxel size that is not known",
                                    .expected = "one, for --rescale",
                                    .remedy = fmt::format("give {} z,y,x in nm", flag)}};
}

}  // namespace

std::optional<ScaleMatch> match_scale(const std::vector<core::Vec3d>& trained_nm,
                                      const core::VolumeInfo& input, engine::AxesMode mode) {
  if (!input.voxel_nm) {
    return std::nullopt;
  }
  std::optional<ScaleMatch> best;
  for (const core::Vec3d& trained : trained_nm) {
    ScaleMatch match{.voxel_nm = trained,
                     .factor = pixel_side(*input.voxel_nm) / pixel_side(trained)};
    match.voxel_nm[0] =
        mode == engine::AxesMode::orthoplane ? pixel_side(trained) : (*input.voxel_nm)[0];
    if (!best || distance(match.factor) < distance(best->factor)) {
      best = match;
    }
  }
  return best;
}

core::Vec3 network_shape(const PredictionSetup& setup, const core::VolumeInfo& input,
                         engine::AxesMode mode) {
  if (!setup.options.rescale) {
    return input.shape;
  }
  if (!input.voxel_nm) {
    throw missing_size(fmt::format("'{}'", input.source), "--voxel-size-nm");
  }
  const auto match = match_scale(setup.trained_nm, input, mode);
  if (!match) {
    throw missing_size(fmt::format("model '{}'", setup.card.name), "--model-voxel-nm");
  }
  for (std::size_t a = 0; a < 3; ++a) {
    if (distance((*input.voxel_nm)[a] / match->voxel_nm[a]) > core::kMostResampling) {
      throw Error(
          ErrorKind::bad_data,
          Problem{.subject = fmt::format("'{}'", input.source),
                  .found = fmt::format("voxels of {} nm, the model's are {}",
                                       core::to_string(*input.voxel_nm),
                                       core::to_string(match->voxel_nm)),
                  .expected = fmt::format("sizes within a factor of {}", core::kMostResampling),
                  .remedy = "correct them with --voxel-size-nm or --model-voxel-nm"});
    }
  }
  core::Vec3 shape = core::resampled_shape(input.shape, *input.voxel_nm, match->voxel_nm);
  if (input.shape[0] == 1) {
    shape[0] = 1;
  }
  return shape;
}

void log_scale(const PredictionSetup& setup, const core::VolumeInfo& input, engine::AxesMode mode,
               const core::Context& context) {
  const auto match = match_scale(setup.trained_nm, input, mode);
  if (!match) {
    if (!setup.trained_nm.empty()) {
      context.log->info(
          "'{}' does not state its voxel size, the model was trained at {} nm: where yours "
          "differs, objects may be missed; say --voxel-size-nm z,y,x, and --rescale to predict at "
          "its scale",
          input.source, pixel_sides(setup.trained_nm));
    }
    return;
  }
  const std::string sizes =
      fmt::format("'{}' has pixels of {:.3g} nm, the model was trained at {:.3g} nm", input.source,
                  pixel_side(*input.voxel_nm), pixel_side(match->voxel_nm));
  if (setup.options.rescale) {
    context.log->info("{}: predicted as {} voxels (z, y, x), results at the input's size", sizes,
                      core::to_string(network_shape(setup, input, mode)));
  } else if (distance(match->factor) >= kScaleTolerance) {
    context.log->warn("{}: objects look {:.2g} times as {} to it; --rescale predicts at its scale",
                      sizes, distance(match->factor), match->factor > 1 ? "small" : "large");
  }
}

}  // namespace retina::pipeline
