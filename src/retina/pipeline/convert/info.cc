#include "retina/pipeline/convert/info.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/intensity.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kDecodeWhole = 64LL << 20;
constexpr std::size_t kShownDatasets = 100;

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
  core::visit_sample(volume, 0, [&](const core::Array& values) { widen(range, values); });
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

std::string sizes_text(const core::VolumeInfo& info) {
  std::string sizes;
  const std::vector<std::int64_t> shape = stored_shape(info);
  for (std::size_t i = 0; i < shape.size(); ++i) {
    sizes += fmt::format("{}{}={}", i == 0 ? "" : " ", info.axes[i], shape[i]);
  }
  return sizes;
}

void add_description(Json& json, const core::VolumeInfo& info) {
  json["format"] = info.format;
  json["axes"] = info.axes;
  json["shape"] = stored_shape(info);
  json["dtype"] = core::name_of(info.dtype);
  json["voxel_nm"] = info.voxel_nm ? Json(*info.voxel_nm) : Json(nullptr);
  json["voxel_nm_source"] = info.voxel_nm_source;
  json["offset_nm"] = info.offset_nm;
  json["is_labels"] = info.is_labels;
}

std::string description_text(const core::VolumeInfo& info, const ValueRange& range) {
  const std::int64_t bytes = core::whole(info.shape).voxels() * info.channels *
                             static_cast<std::int64_t>(core::size_of(info.dtype));
  std::string text = fmt::format(
      "  format      {}\n  axes        {}\n  size        {} ({} decoded)\n  dtype       {}\n",
      info.format, info.axes, sizes_text(info), core::format_size(bytes),
      core::name_of(info.dtype));
  text += info.voxel_nm ? fmt::format("  voxel size  {} nm (z x y x x), from {}\n",
                                      core::to_string(*info.voxel_nm), info.voxel_nm_source)
                        : "  voxel size  not stated in the file: give it with --voxel-size-nm\n";
  text += range.low <= range.high
              ? fmt::format("  values      {:g} to {:g} ({} voxels{})\n", range.low, range.high,
                            range.voxels, range.whole ? ", all" : ", a sample")
              : fmt::format("  values      no finite value in {} voxels\n", range.voxels);
  text += info.is_labels ? "  labels      the file says that the values are label ids\n" : "";
  for (const std::string& note : info.notes) {
    text += "  note        " + note + "\n";
  }
  return text;
}

/// What `open` says of the dataset, or why it cannot be opened.
template <class Open>
ContainedDataset contained(std::string path, Open open) {
  ContainedDataset dataset{.path = std::move(path), .info = {}, .problem = {}};
  try {
    dataset.info = open(dataset.path)->info();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) {
      throw;
    }
    dataset.problem = error.what();
  }
  return dataset;
}

std::vector<ContainedDataset> datasets_inside(const InfoOptions& options,
                                              const std::vector<std::string>& inside) {
  // "file" and "labels" make "file:labels", "file:volumes" and "raw" make "file:volumes/raw"
  const bool names_group = !store::parse_location(options.path).inner.empty();
  std::vector<ContainedDataset> datasets;
  for (const std::string& inner : inside) {
    const std::string path =
        inner.empty() ? options.path : options.path + (names_group ? "/" : ":") + inner;
    datasets.push_back(contained(path, [&](const std::string& dataset) {
      return store::open(dataset, options.reading.open_options());
    }));
  }
  return datasets;
}

/// Of a pack, whose index may have a million lines and is read once.
std::vector<ContainedDataset> items_of(const store::Pack& pack, const InfoOptions& options) {
  std::vector<ContainedDataset> items;
  for (std::size_t i = 0; i < pack.size(); ++i) {
    const std::string name =
        pack.size() == 1 ? options.path : fmt::format("{}:{}", options.path, pack.name(i));
    items.push_back(contained(
        name, [&](const std::string&) { return pack.image(i, options.reading.open_options()); }));
    if (pack.labels(i) != nullptr) {
      items.push_back(contained(fmt::format("{}:{}/labels", options.path, pack.name(i)),
                                [&](const std::string&) { return pack.labels(i); }));
    }
  }
  return items;
}

}  // namespace

std::vector<Problem> InfoOptions::validate() const {
  std::vector<Problem> problems = reading.validate();
  if (path.empty()) {
    problems.push_back({.subject = "info",
                        .found = "no path",
                        .expected = "an image, stack, folder or container",
                        .remedy = {}});
  }
  return problems;
}

InfoReport describe(const core::Volume& volume) {
  return {.path = volume.info().source,
          .info = volume.info(),
          .range = range_of(volume),
          .datasets = {}};
}

InfoReport info(const InfoOptions& options, const core::Context&) {
  std::vector<std::string> inside = store::list_datasets(options.path);
  InfoReport report{.path = options.path, .info = {}, .range = {}, .datasets = {}};
  const bool is_image =
      inside.size() < 2 || std::find(inside.begin(), inside.end(), "") != inside.end();
  if (is_image) {
    report = describe(*store::open(options.path, options.reading.open_options()));
  }
  if (inside.size() > 1) {
    const store::Location location = store::parse_location(options.path);
    report.datasets = store::is_pack(location)
                          ? items_of(store::Pack(location.file.string()), options)
                          : datasets_inside(options, inside);
  }
  return report;
}

Json to_json(const InfoReport& report) {
  Json json;
  json["path"] = report.path;
  json["format"] = report.info ? report.info->format : "container";
  for (const char* key :
       {"axes", "shape", "dtype", "voxel_nm", "voxel_nm_source", "offset_nm", "is_labels",
        "value_range", "value_range_voxels", "value_range_whole", "notes"}) {
    json[key] = nullptr;
  }
  if (report.info) {
    add_description(json, *report.info);
    const ValueRange& range = report.range;
    json["value_range"] =
        range.voxels > 0 && range.low <= range.high ? Json{range.low, range.high} : Json(nullptr);
    json["value_range_voxels"] = range.voxels;
    json["value_range_whole"] = range.whole;
    json["notes"] = report.info->notes;
  }
  json["datasets"] = Json::array();
  for (const ContainedDataset& dataset : report.datasets) {
    Json entry = {{"path", dataset.path}};
    if (dataset.info) {
      add_description(entry, *dataset.info);
    } else {
      entry["problem"] = dataset.problem;
    }
    json["datasets"].push_back(entry);
  }
  return json;
}

std::string to_text(const InfoReport& report) {
  std::string text = report.path + "\n";
  if (report.info) {
    text += description_text(*report.info, report.range);
  }
  if (!report.datasets.empty()) {
    text += fmt::format("  holds {} datasets{}\n", report.datasets.size(),
                        report.info ? "" : "; name the one to use:");
  }
  const std::size_t shown = std::min(report.datasets.size(), kShownDatasets);
  for (std::size_t i = 0; i < shown; ++i) {
    const ContainedDataset& dataset = report.datasets[i];
    text += fmt::format("    {}  {}\n", dataset.path,
                        dataset.info ? fmt::format("{}, {}", sizes_text(*dataset.info),
                                                   core::name_of(dataset.info->dtype))
                                     : dataset.problem);
  }
  if (shown < report.datasets.size()) {
    text += fmt::format("    and {} more: --json lists all\n", report.datasets.size() - shown);
  }
  return text;
}

}  // namespace retina::pipeline
