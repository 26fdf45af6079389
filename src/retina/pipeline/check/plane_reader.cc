#include "retina/pipeline/check/plane_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/core/box.h"
#include "retina/core/error.h"
#include "retina/core/rng.h"
#include "retina/data/statistics.h"
#include "retina/pipeline/check/thumbnail.h"

namespace retina::pipeline {

namespace {

constexpr std::int64_t kThumbnails = 12;  ///< of each part of the data

/// What is kept of a plane.
struct SeenPlane {
  data::PixelCounts counts;
  PlanePrint print;
  std::optional<ThumbnailMaker> thumbnail;
};

/// Reads a plane once, by bands: the image, then the labels.
SeenPlane look_at(const data::Dataset& dataset, const data::Slice& slice, const data::LabelMap& map,
                  bool shows) {
  const data::LabelledVolume& volume = dataset.volumes[static_cast<std::size_t>(slice.volume)];
  const core::Vec3 shape = data::plane_shape(volume.image->shape(), slice.axis);
  SeenPlane seen;
  if (shows) {
    seen.thumbnail.emplace(shape);
  }
  PlaneHash image(shape);
  for (const core::Box3& band : data::bands_of(*volume.image, slice)) {
    const data::LabelledPlane part = data::read_image_part(dataset, slice, band);
    seen.counts.add_image(part);
    image.add(part.image);
    if (shows) {
      seen.thumbnail->add_image(part.image, band.start[1]);
    }
  }
  PlaneHash labels(shape);
  if (volume.labels != nullptr) {
    for (const core::Box3& band : data::bands_of(*volume.labels, slice)) {
      const core::Array part = data::read_label_part(map, *volume.labels, slice, band);
      seen.counts.add_labels(part);
      labels.add(part);
      if (shows) {
        seen.thumbnail->add_labels(part, band.start[1]);
      }
    }
  }
  seen.print = print_of(shape, image, volume.labels != nullptr ? &labels : nullptr, seen.counts);
  return seen;
}

}  // namespace

std::vector<data::Slice> chosen_slices(const std::vector<data::Slice>& slices, std::int64_t limit) {
  std::vector<data::Slice> kept;
  core::Rng rng(0);
  auto wanted = std::min<std::int64_t>(limit, static_cast<std::int64_t>(slices.size()));
  auto left = static_cast<std::int64_t>(slices.size());
  for (const data::Slice& slice : slices) {
    if (rng.integer(1, left--) <= wanted) {
      kept.push_back(slice);
      --wanted;
    }
  }
  return kept;
}

void PlaneReader::read(const data::Dataset& dataset, DataPart part) {
  first_row_ = report_.volumes.size();
  add_rows(dataset, part);
  const std::vector<data::Slice> slices = chosen_slices(dataset.slices, options_.max_planes);
  if (slices.size() < dataset.slices.size()) {
    report_.notes.push_back(fmt::format("{} of {} planes were read (max_planes)", slices.size(),
                                        dataset.slices.size()));
  }
  const auto count = static_cast<std::int64_t>(slices.size());
  const std::int64_t step = std::max<std::int64_t>(1, count / kThumbnails);
  ctx_.progress->begin(part == DataPart::training ? "check" : "check of held-out data", count,
                       "planes");
  for (std::int64_t i = 0; i < count; ++i) {
    ctx_.check_stop("run the check again");
    shows_ = !options_.output.empty() && i % step == step / 2;
    read_plane({&dataset, slices[static_cast<std::size_t>(i)], part});
    ctx_.progress->update(i + 1);
  }
  ctx_.progress->end();
  count_further_bad_planes();
  drop_unused_rows(dataset);
}

void PlaneReader::add_rows(const data::Dataset& dataset, DataPart part) {
  for (const data::LabelledVolume& volume : dataset.volumes) {
    CheckedVolume row;
    row.name = volume.name;
    row.is_held_out = part == DataPart::held_out;
    row.shape = volume.image->shape();
    row.image_dtype = volume.image->info().dtype;
    if (volume.labels != nullptr) {
      row.label_dtype = volume.labels->info().dtype;
    }
    report_.volumes.push_back(row);
  }
}

void PlaneReader::read_plane(const ReadPlane& read) {
  const auto index = static_cast<std::size_t>(read.slice.volume);
  const data::LabelledVolume& volume = read.dataset->volumes[index];
  CheckedVolume& row = report_.volumes[first_row_ + index];
  try {
    data::LabelMap map = read.dataset->label_map;
    if (volume.labels != nullptr) {
      const data::LabelCensus census = data::count_labels(volume, read.slice);
      count_values(row, *read.dataset, census);
      map = data::map_of_plane(map, census);
    }
    const SeenPlane seen = look_at(*read.dataset, read.slice, map, shows_);
    row.statistics.add_plane(seen.counts);
    if (read.part == DataPart::training) {
      report_.statistics.add_plane(seen.counts);
    }
    planes_.planes.push_back(read);
    planes_.prints.push_back(seen.print);
    report_.constant_planes += seen.print.is_constant ? 1 : 0;
    if (seen.thumbnail) {
      report_.thumbnails.push_back(
          seen.thumbnail->named(data::describe(*read.dataset, read.slice)));
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) {
      throw;
    }
    note_bad_plane(first_row_ + index, error.what());
  }
}

void PlaneReader::note_bad_plane(std::size_t row, const std::string& message) {
  const auto [place, is_first] = bad_planes_.emplace(row, BadPlanes{report_.problems.size(), 0});
  if (is_first) {
    report_.problems.push_back({.subject = message, .found = {}, .expected = {}, .remedy = {}});
  } else {
    ++place->second.further;
  }
}

void PlaneReader::count_further_bad_planes() {
  for (const auto& [row, bad] : bad_planes_) {
    if (bad.further > 0) {
      report_.problems[bad.problem].subject +=
          fmt::format(" (and {} more planes of {})", bad.further, report_.volumes[row].name);
    }
  }
  bad_planes_.clear();
}

void PlaneReader::count_values(CheckedVolume& row, const data::Dataset& dataset,
                               const data::LabelCensus& census) {
  const bool is_two_valued =
      data::is_decided_by_plane(dataset.label_map) && census.only_0_and_255();
  planes_.two_valued += is_two_valued ? 1 : 0;
  std::map<std::int64_t, std::int64_t> counts(row.stored_labels.begin(), row.stored_labels.end());
  for (const auto& [value, pixels] : census.counts) {
    counts[value] += pixels;
  }
  row.stored_labels.assign(counts.begin(), counts.end());
}

void PlaneReader::drop_unused_rows(const data::Dataset& dataset) {
  std::vector<CheckedVolume> used(
      report_.volumes.begin(), report_.volumes.begin() + static_cast<std::ptrdiff_t>(first_row_));
  for (std::size_t v = 0; v < dataset.volumes.size(); ++v) {
    const auto here = [&](const data::Slice& s) { return static_cast<std::size_t>(s.volume) == v; };
    if (std::any_of(dataset.slices.begin(), dataset.slices.end(), here)) {
      used.push_back(std::move(report_.volumes[first_row_ + v]));
    }
  }
  report_.volumes = std::move(used);
}

}  // namespace retina::pipeline
