#include "retina/store/voxel_size.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/units.h"

namespace retina::store {

namespace {

constexpr const char* kSayIt = "give --voxel-size-nm z,y,x";

std::string steps_text(const std::array<AxisLength, 3>& zyx) {
  std::vector<std::string> parts;
  for (const AxisLength& axis : zyx) {
    if (axis.value) {
      parts.push_back(axis.unit.empty() ? fmt::format("{}", *axis.value)
                                        : fmt::format("{} {}", *axis.value, axis.unit));
    }
  }
  return fmt::format("{}", fmt::join(parts, " x "));
}

/// As much as a note has room for.
std::string beginning_of(std::string_view text) {
  constexpr std::size_t kMostShown = 120;  // a damaged file may hold anything
  std::size_t shown = std::min(text.size(), kMostShown);
  while (shown < text.size() && shown > 0 && (text[shown] & 0xC0) == 0x80) {
    --shown;  // no half character
  }
  return fmt::format("{}{}", text.substr(0, shown), shown < text.size() ? "..." : "");
}

}  // namespace

std::string unusable_voxel_size(std::string_view name, std::string_view why) {
  return fmt::format("the voxel size '{}' is not used ({}): without another, {}", name,
                     beginning_of(why), kSayIt);
}

std::string unusable_offset(std::string_view name, std::string_view why) {
  return fmt::format("the {} is not used ({}): the volume begins at 0", name, beginning_of(why));
}

Offset offset_of(const std::array<AxisLength, 3>& zyx) {
  Offset out;
  for (std::size_t i = 0; i < 3; ++i) {
    const double place = zyx[i].value.value_or(0);
    const auto nm = in_nanometres(place, zyx[i].unit);
    const bool is_finite = std::isfinite(nm.value_or(place));
    if (place != 0 && (!is_finite || !nm)) {
      return {.nm = {0, 0, 0},
              .notes = {unusable_offset(
                  "offset", fmt::format("{} along {}, {}", place, "zyx"[i],
                                        is_finite ? "no unit of length" : "not finite"))}};
    }
    out.nm[i] = nm.value_or(0);
  }
  return out;
}

std::optional<double> in_nanometres(double value, std::string_view unit) {
  const auto nm = nanometres_per(unit);
  if (!nm) {
    return std::nullopt;
  }
  return round_significant(value * *nm, 15);
}

VoxelSize voxel_size(const std::array<AxisLength, 3>& zyx) {
  VoxelSize out;
  if (!zyx[1].value || !zyx[2].value) {
    return out;
  }
  core::Vec3d nm{0, 0, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!zyx[i].value) {
      continue;
    }
    const double step = *zyx[i].value;
    if (!std::isfinite(step) || step <= 0) {
      out.notes.push_back(
          fmt::format("the stated spacing {} is not positive: voxel size not known, {}",
                      steps_text(zyx), kSayIt));
      return out;
    }
    const auto length = in_nanometres(step, zyx[i].unit);
    if (!length) {
      const bool is_pixels = std::all_of(zyx.begin(), zyx.end(), [](const AxisLength& axis) {
        return axis.value.value_or(1) == 1 && axis.unit.empty();
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
  if (!zyx[0].value) {
    nm[0] = nm[1];
    out.notes.emplace_back(
        "the thickness of the section is not stated: taken equal to the pixel's height");
  }
  out.nm = nm;
  return out;
}

}  // namespace retina::store
