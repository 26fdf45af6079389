#include "retina/pipeline/info.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/open.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kDecodeWhole = 64LL << 20;
constexpr std::int64_t kSampleBlocks = 64;

void widen(ValueRange& range, const core::Array& values) {
  core::dispatch(values.dtype(), [&](auto zero) {
    for (const auto v : values.values<decltype(zero)>()) {
      const auto value = static_cast<double>(v);
      if (std::isfinite(value)) {
        range.low = std::min(range.low, value);
        range.high = std::max(range.high, value);
      }
    }
  });
  range.voxels += values.elements();
}

ValueRange range_of(const core::Volume& volume) {
  ValueRange range{.low = std::numeric_limits<double>::infinity(),
                   .high = -std::numeric_limits<double>::infinity()};
  const core::Vec3& shape = volume.shape();
  const std::int64_t bytes = core::whole(shape).voxels() * volume.info().channels *
                             static_cast<std::int64_t>(core::size_of(volume.info().dtype));
  if (bytes <= kDecodeWhole) {
    range.whole = true;
    for (std::int64_t z = 0; z < shape[0]; ++z) {
      widen(range, volume.read(core::slice_box(shape, 0, z)));
    }
    return range;
  }
  core::Rng rng(0);
  for (std::int64_t i = 0; i < kSampleBlocks; ++i) {
    core::Box3 box{{0, 0, 0},
                   {1, std::min<std::int64_t>(64, shape[1]), std::min<std::int64_t>(64, shape[2])}};
    for (std::size_t a = 0; a < 3; ++a) {
      box.start[a] = rng.integer(0, shape[a] - box.shape[a]);
    }
    widen(range, volume.read(box));
  }
  return range;
}

/// Sizes in the order of the axes as stored, such as [channels, z, y, x] for "czyx".
std::vector<std::int64_t> stored_shape(const core::VolumeInfo& info) {
  std::vector<std::int64_t> sizes;
  for (const char axis : info.axes) {
    sizes.push_back(axis == 'z'   ? info.shape[0]
                    : axis == 'y' ? info.shape[1]
                    : axis == 'x' ? info.shape[2]
                    : axis == 'c' ? info.channels
                                  : 1);
  }
  return sizes;
}

}  // namespace

std::vector<Problem> InfoOptions::validate() const {
  if (path.empty()) {
    return {{.subject = "info",
             .found = "no path",
             .expected = "an image, stack, folder or container"}};
  }
  return {};
}

InfoReport info(const InfoOptions& options, const core::Context&) {
  const auto volume = store::open(options.path, {.voxel_nm = {}, .axes = options.axes});
  return {volume->info(), range_of(*volume)};
}

Json to_json(const InfoReport& report) {
  const core::VolumeInfo& info = report.info;
  Json json;
  json["path"] = info.source;
  json["format"] = info.format;
  json["axes"] = info.axes;
  json["shape"] = stored_shape(info);
  json["dtype"] = core::name_of(info.dtype);
  json["voxel_nm"] = info.voxel_nm ? Json(*info.voxel_nm) : Json(nullptr);
  json["voxel_nm_source"] = info.voxel_nm_source;
  json["offset_nm"] = info.offset_nm;
  json["value_range"] = report.range.voxels > 0 && report.range.low <= report.range.high
                            ? Json{report.range.low, report.range.high}
                            : Json(nullptr);
  json["value_range_voxels"] = report.range.voxels;
  json["value_range_whole"] = report.range.whole;
  json["notes"] = info.notes;
  return json;
}

std::string to_text(const InfoReport& report) {
  const core::VolumeInfo& info = report.info;
  std::string sizes;
  const std::vector<std::int64_t> shape = stored_shape(info);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    sizes += fmt::format("{}{}={}", i == 0 ? "" : " ", info.axes[i], shape[i]);
  }
  const std::int64_t bytes = core::whole(info.shape).voxels() * info.channels *
                             static_cast<std::int64_t>(core::size_of(info.dtype));
  std::string text = fmt::format(
      "{}\n  format      {}\n  axes        {}\n  size        {} ({} decoded)\n  dtype       {}\n",
      info.source, info.format, info.axes, sizes, core::format_size(bytes),
      core::name_of(info.dtype));
  text += info.voxel_nm ? fmt::format("  voxel size  {} nm (z x y x x), from {}\n",
                                      core::to_string(*info.voxel_nm), info.voxel_nm_source)
                        : "  voxel size  not stated in the file\n";
  text +=
      fmt::format("  values      {:g} to {:g} ({} voxels{})\n", report.range.low, report.range.high,
                  report.range.voxels, report.range.whole ? ", all" : ", a sample");
  for (const std::string& note : info.notes) {
    text += "  note        " + note + "\n";
  }
  return text;
}

}  // namespace retina::pipeline
