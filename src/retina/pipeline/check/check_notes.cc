#include "retina/pipeline/check/check_notes.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "retina/core/box.h"
#include "retina/core/file.h"
#include "retina/core/finite.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/data/statistics.h"
#include "retina/pipeline/check/duplicates.h"

namespace retina::pipeline {

namespace {

constexpr std::size_t kListedRepeats = 10;

std::string digest_of_training(const ReadPlanes& read) {
  std::vector<std::uint64_t> seen;
  for (std::size_t i = 0; i < read.prints.size(); ++i) {
    if (read.planes[i].part == DataPart::training) {
      seen.push_back(read.prints[i].content);
      seen.push_back(read.prints[i].labels);
    }
  }
  return core::digest(std::as_bytes(std::span(seen)));
}

void note_two_valued(CheckReport& report, std::int64_t planes) {
  if (planes > 0) {
    report.notes.push_back(fmt::format("{} masks hold only 0 and 255: read as 0 and 1", planes));
  }
}

void note_empty_masks(CheckReport& report, const CheckOptions& options) {
  const data::Statistics& all = report.statistics;
  if (all.empty_planes > 0) {
    report.notes.push_back(
        fmt::format("{} of {} planes have no foreground", all.empty_planes, all.planes));
  }
  if (all.planes > 0 && all.empty_planes == all.planes) {
    const data::DataOptions& data = options.data;
    report.problems.push_back({.subject = data.path.empty() ? data.masks : "masks of " + data.path,
                               .found = "no foreground at all",
                               .expected = "pixels of at least one class",
                               .remedy = "check the masks and the label map"});
    return;
  }
  const std::vector<double> shares = all.class_shares(static_cast<int>(report.class_names.size()));
  for (std::size_t id = 1; id < shares.size(); ++id) {
    if (shares[id] == 0 && all.planes > all.empty_planes) {
      report.notes.push_back(
          fmt::format("class {} ({}) does not occur", id, report.class_names[id]));
    }
  }
}

/// No problem: that nothing is found where nothing is can be scored too.
void note_empty_held_out(CheckReport& report) {
  std::int64_t planes = 0;
  std::int64_t empty = 0;
  for (const CheckedVolume& volume : report.volumes) {
    planes += volume.is_held_out ? volume.statistics.planes : 0;
    empty += volume.is_held_out ? volume.statistics.empty_planes : 0;
  }
  if (empty > 0) {
    report.notes.push_back(fmt::format("{} of {} held-out planes have no foreground{}", empty,
                                       planes, empty == planes ? ": their scores say little" : ""));
  }
}

RepeatedPlane describe_repeat(const Duplicate& duplicate, const std::vector<ReadPlane>& planes) {
  const ReadPlane& first = planes[static_cast<std::size_t>(duplicate.first)];
  const ReadPlane& second = planes[static_cast<std::size_t>(duplicate.second)];
  return {.first = data::describe(*first.dataset, first.slice),
          .second = data::describe(*second.dataset, second.slice),
          .is_turned = duplicate.is_turned,
          .labels_differ = duplicate.labels_differ,
          .is_leak = first.part != second.part};
}

void note_repeats(CheckReport& report, const ReadPlanes& read) {
  const auto part_of = [&](std::int64_t i, const core::Box3& part) {
    const ReadPlane& plane = read.planes[static_cast<std::size_t>(i)];
    return data::read_image(*plane.dataset, plane.slice, part);
  };
  for (const Duplicate& duplicate : find_duplicates(read.prints, part_of)) {
    report.repeated.push_back(describe_repeat(duplicate, read.planes));
  }
  std::size_t listed = 0;
  for (const RepeatedPlane& repeated : report.repeated) {
    if (!repeated.is_leak && ++listed <= kListedRepeats) {
      report.notes.push_back(
          fmt::format("{} has the image of {}{}{}", repeated.second, repeated.first,
                      repeated.is_turned ? ", flipped or turned" : "",
                      repeated.labels_differ ? ", but another mask: one of the two is wrong" : ""));
    }
  }
  if (listed > kListedRepeats) {
    report.notes.push_back(
        fmt::format("... and {} more images that occur twice", listed - kListedRepeats));
  }
}

void note_missing_contrast(CheckReport& report) {
  if (report.statistics.planes > 0 && report.statistics.std() == 0) {
    report.problems.push_back({.subject = "images",
                               .found = "one grey value everywhere",
                               .expected = "images with contrast",
                               .remedy = "check the image files or the input range"});
  } else if (report.constant_planes > 0) {
    report.notes.push_back(
        fmt::format("{} planes have one grey value everywhere", report.constant_planes));
  }
}

}  // namespace

void add_conclusions(CheckReport& report, const ReadPlanes& read, const CheckOptions& options) {
  report.digest = digest_of_training(read);
  note_two_valued(report, read.two_valued);
  note_empty_masks(report, options);
  note_empty_held_out(report);
  note_repeats(report, read);
  note_missing_contrast(report);
}

void note_non_finite(CheckReport& report) {
  core::FiniteSample values;
  std::string first;
  int count = 0;
  for (const CheckedVolume& volume : report.volumes) {
    if (volume.statistics.non_finite > 0) {
      first = count++ == 0 ? volume.name : first;
      values.values += volume.statistics.pixels();
      values.non_finite += volume.statistics.non_finite;
    }
  }
  if (count > 0) {
    const std::string more = count > 1 ? fmt::format(" and {} more images", count - 1) : "";
    report.notes.push_back(core::non_finite_note(first + more, values));
  }
}

}  // namespace retina::pipeline
