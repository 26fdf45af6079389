#include "retina/store/voxel_size.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/units.h"

namespace retina::store {

namespace {

constexpr const char* kSayIt = "give --voxel-size-nm z,y,x";

std::string steps_text(const std::array<AxisStep, 3>& zyx) {
  std::vector<std::string> parts;
  for (const AxisStep& axis : zyx) {
    if (axis.step) {
      parts.push_back(axis.unit.empty() ? fmt::format("{}", *axis.step)
                                        : fmt::format("{} {}", *axis.step, axis.unit));
    }
  }
  return fmt::format("{}", fmt::join(parts, " x "));
}

}  // namespace

std::string unusable_voxel_size(std::string_view name, std::string_view why) {
  constexpr std::size_t kMostShown = 120;  // a damaged file may hold anything
  std::size_t shown = std::min(why.size(), kMostShown);
  while (shown < why.size() && shown > 0 && (why[shown] & 0xC0) == 0x80) {
    --shown;  // no half character
  }
  return fmt::format("the voxel size '{}' is not used ({}{}): without another, {}", name,
                     why.substr(0, shown), shown < why.size() ? "..." : "", kSayIt);
}

std::optional<double> in_nanometres(double value, std::string_view unit) {
  const auto nm = nanometres_per(unit);
  if (!nm) {
    return std::nullopt;
  }
  return round_significant(value * *nm, 15);
}

VoxelSize voxel_size(const std::array<AxisStep, 3>& zyx) {
  VoxelSize out;
  if (!zyx[1].step || !zyx[2].step) {
    return out;
  }
  core::Vec3d nm{0, 0, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!zyx[i].step) {
      continue;
    }
    const double step = *zyx[i].step;
    if (!std::isfinite(step) || step <= 0) {
      out.notes.push_back(
          fmt::format("the stated spacing {} is not positive: voxel size not known, {}",
                      steps_text(zyx), kSayIt));
      return out;
    }
    const auto length = in_nanometres(step, zyx[i].unit);
    if (!length) {
      const bool is_pixels = std::all_of(zyx.begin(), zyx.end(), [](const AxisStep& axis) {
        return axis.step.value_or(1) == 1 && axis.unit.empty();
      });
      if (!is_pixels) {
        out.notes.push_back(
            fmt::format("the spacing {} (z, y, x) has no unit of length: voxel size not known, {}",
                        steps_text(zyx), kSayIt));
      }
      return out;
    }
    nm[i] = *length;
  }
  if (!zyx[0].step) {
    nm[0] = nm[1];
    out.notes.emplace_back(
        "the thickness of the section is not stated: taken equal to the pixel's height");
  }
  out.nm = nm;
  return out;
}

}  // namespace retina::store
