#include "retina/pipeline/check/check.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/finite.h"
#include "retina/core/lock.h"
#include "retina/core/rng.h"
#include "retina/data/append.h"
#include "retina/pipeline/check/check_page.h"
#include "retina/pipeline/check/duplicates.h"
#include "retina/pipeline/check/label_geometry.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace {

constexpr int kAnyClass = 255;
constexpr std::int64_t kThumbnails = 12;  ///< of each part of the data
constexpr std::size_t kListedRepeats = 10;

enum class Part { training, held_out };

/// The slices to read: all, or a seeded choice in their order.
std::vector<data::Slice> chosen(const std::vector<data::Slice>& slices, std::int64_t limit) {
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

class Checker {
 public:
  Checker(CheckReport& report, const CheckOptions& options, const core::Context& ctx)
      : report_(report), options_(options), ctx_(ctx) {}

  /// Reads the planes of one part of the data; `dataset` is kept until conclude().
  void read(const data::Dataset& dataset, Part part) {
    first_row_ = report_.volumes.size();
    add_rows(dataset, part);
    const std::vector<data::Slice> slices = chosen(dataset.slices, options_.max_planes);
    if (slices.size() < dataset.slices.size()) {
      report_.notes.push_back(fmt::format("{} of {} planes were read (max_planes)", slices.size(),
                                          dataset.slices.size()));
    }
    const auto count = static_cast<std::int64_t>(slices.size());
    const std::int64_t step = std::max<std::int64_t>(1, count / kThumbnails);
    ctx_.progress->begin(part == Part::training ? "check" : "check of held-out data", count,
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

  void conclude() {
    report_.digest = digest_of_training();
    note_two_valued();
    note_empty_masks();
    note_empty_held_out();
    note_repeats();
    if (report_.statistics.planes > 0 && report_.statistics.std() == 0) {
      report_.problems.push_back({.subject = "images",
                                  .found = "one grey value everywhere",
                                  .expected = "images with contrast",
                                  .remedy = "check the image files or the input range"});
    } else if (report_.constant_planes > 0) {
      report_.notes.push_back(
          fmt::format("{} planes have one grey value everywhere", report_.constant_planes));
    }
  }

 private:
  struct ReadPlane {
    const data::Dataset* dataset;
    data::Slice slice;
    Part part;
  };

  /// Planes of one volume that cannot be used.
  struct BadPlanes {
    std::size_t problem;  ///< of the first of them, in the report
    std::int64_t further;
  };

  void add_rows(const data::Dataset& dataset, Part part) {
    for (const data::LabelledVolume& volume : dataset.volumes) {
      CheckedVolume row;
      row.name = volume.name;
      row.is_held_out = part == Part::held_out;
      row.shape = volume.image->shape();
      row.image_dtype = volume.image->info().dtype;
      if (volume.labels != nullptr) {
        row.label_dtype = volume.labels->info().dtype;
      }
      report_.volumes.push_back(row);
    }
  }

  void read_plane(const ReadPlane& read) {
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
      if (read.part == Part::training) {
        report_.statistics.add_plane(seen.counts);
      }
      planes_.push_back(read);
      prints_.push_back(seen.print);
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

  /// What is wrong with one plane of a volume mostly is with all: the first speaks for them.
  void note_bad_plane(std::size_t row, const std::string& message) {
    const auto [place, is_first] = bad_planes_.emplace(row, BadPlanes{report_.problems.size(), 0});
    if (is_first) {
      report_.problems.push_back({.subject = message, .found = {}, .expected = {}, .remedy = {}});
    } else {
      ++place->second.further;
    }
  }

  void count_further_bad_planes() {
    for (const auto& [row, bad] : bad_planes_) {
      if (bad.further > 0) {
        report_.problems[bad.problem].subject +=
            fmt::format(" (and {} more planes of {})", bad.further, report_.volumes[row].name);
      }
    }
    bad_planes_.clear();
  }

  void count_values(CheckedVolume& row, const data::Dataset& dataset,
                    const data::LabelCensus& census) {
    const bool is_two_valued =
        data::is_decided_by_plane(dataset.label_map) && census.only_0_and_255();
    two_valued_planes_ += is_two_valued ? 1 : 0;
    std::map<std::int64_t, std::int64_t> counts(row.stored_labels.begin(), row.stored_labels.end());
    for (const auto& [value, pixels] : census.counts) {
      counts[value] += pixels;
    }
    row.stored_labels.assign(counts.begin(), counts.end());
  }

  /// Volumes of which the range of slices takes nothing are not part of the report.
  void drop_unused_rows(const data::Dataset& dataset) {
    std::vector<CheckedVolume> used(
        report_.volumes.begin(), report_.volumes.begin() + static_cast<std::ptrdiff_t>(first_row_));
    for (std::size_t v = 0; v < dataset.volumes.size(); ++v) {
      const auto here = [&](const data::Slice& s) {
        return static_cast<std::size_t>(s.volume) == v;
      };
      if (std::any_of(dataset.slices.begin(), dataset.slices.end(), here)) {
        used.push_back(std::move(report_.volumes[first_row_ + v]));
      }
    }
    report_.volumes = std::move(used);
  }

  void note_two_valued() {
    if (two_valued_planes_ > 0) {
      report_.notes.push_back(
          fmt::format("{} masks hold only 0 and 255: read as 0 and 1", two_valued_planes_));
    }
  }

  void note_empty_masks() {
    const data::Statistics& all = report_.statistics;
    if (all.empty_planes > 0) {
      report_.notes.push_back(
          fmt::format("{} of {} planes have no foreground", all.empty_planes, all.planes));
    }
    if (all.planes > 0 && all.empty_planes == all.planes) {
      const data::DataOptions& data = options_.data;
      report_.problems.push_back(
          {.subject = data.path.empty() ? data.masks : "masks of " + data.path,
           .found = "no foreground at all",
           .expected = "pixels of at least one class",
           .remedy = "check the masks and the label map"});
      return;
    }
    const std::vector<double> shares =
        all.class_shares(static_cast<int>(report_.class_names.size()));
    for (std::size_t id = 1; id < shares.size(); ++id) {
      if (shares[id] == 0 && all.planes > all.empty_planes) {
        report_.notes.push_back(
            fmt::format("class {} ({}) does not occur", id, report_.class_names[id]));
      }
    }
  }

  /// No problem: that nothing is found where nothing is can be scored too.
  void note_empty_held_out() {
    std::int64_t planes = 0;
    std::int64_t empty = 0;
    for (const CheckedVolume& volume : report_.volumes) {
      planes += volume.is_held_out ? volume.statistics.planes : 0;
      empty += volume.is_held_out ? volume.statistics.empty_planes : 0;
    }
    if (empty > 0) {
      report_.notes.push_back(fmt::format("{} of {} held-out planes have no foreground{}", empty,
                                          planes,
                                          empty == planes ? ": their scores say little" : ""));
    }
  }

  RepeatedPlane describe_repeat(const Duplicate& duplicate) const {
    const ReadPlane& first = planes_[static_cast<std::size_t>(duplicate.first)];
    const ReadPlane& second = planes_[static_cast<std::size_t>(duplicate.second)];
    return {.first = data::describe(*first.dataset, first.slice),
            .second = data::describe(*second.dataset, second.slice),
            .is_turned = duplicate.is_turned,
            .labels_differ = duplicate.labels_differ,
            .is_leak = first.part != second.part};
  }

  std::string digest_of_training() const {
    std::vector<std::uint64_t> seen;
    for (std::size_t i = 0; i < prints_.size(); ++i) {
      if (planes_[i].part == Part::training) {
        seen.push_back(prints_[i].content);
        seen.push_back(prints_[i].labels);
      }
    }
    return core::digest(std::as_bytes(std::span(seen)));
  }

  void note_repeats() {
    const auto part_of = [&](std::int64_t i, const core::Box3& part) {
      const ReadPlane& plane = planes_[static_cast<std::size_t>(i)];
      return data::read_image(*plane.dataset, plane.slice, part);
    };
    for (const Duplicate& duplicate : find_duplicates(prints_, part_of)) {
      report_.repeated.push_back(describe_repeat(duplicate));
    }
    std::size_t listed = 0;
    for (const RepeatedPlane& repeated : report_.repeated) {
      if (!repeated.is_leak && ++listed <= kListedRepeats) {
        report_.notes.push_back(fmt::format(
            "{} has the image of {}{}{}", repeated.second, repeated.first,
            repeated.is_turned ? ", flipped or turned" : "",
            repeated.labels_differ ? ", but another mask: one of the two is wrong" : ""));
      }
    }
    if (listed > kListedRepeats) {
      report_.notes.push_back(
          fmt::format("... and {} more images that occur twice", listed - kListedRepeats));
    }
  }

  CheckReport& report_;
  const CheckOptions& options_;
  const core::Context& ctx_;
  std::size_t first_row_ = 0;
  bool shows_ = false;
  std::int64_t two_valued_planes_ = 0;
  std::vector<ReadPlane> planes_;
  std::vector<PlanePrint> prints_;
  std::map<std::size_t, BadPlanes> bad_planes_;  ///< by row, of the part that is read
};

int class_count(const CheckOptions& options) {
  return options.classes.empty() ? kAnyClass : static_cast<int>(options.classes.size()) + 1;
}

/// Given names, or "class 1" and so on up to the greatest id that occurs.
std::vector<std::string> names_of(const CheckOptions& options, const data::Statistics& statistics) {
  std::vector<std::string> names{"background"};
  names.insert(names.end(), options.classes.begin(), options.classes.end());
  if (options.classes.empty()) {
    for (std::size_t id = kAnyClass - 1; id > 0; --id) {
      if (statistics.class_pixels[id] > 0) {
        for (std::size_t i = 1; i <= id; ++i) {
          names.push_back(fmt::format("class {}", i));
        }
        break;
      }
    }
  }
  return names;
}

void add_files(const data::Dataset& dataset, store::InputFiles& files) {
  for (const data::LabelledVolume& volume : dataset.volumes) {
    files.add(volume.image->info().source);
    if (volume.labels != nullptr) {
      files.add(volume.labels->info().source);
    }
  }
}

/// One part of the data; masks of 0 and 255 alone are of one class where none is named.
OpenedDataset open_part(const data::DataOptions& part, const CheckOptions& options,
                        store::InputFiles& files, const core::Context& ctx) {
  OpenedDataset opened = try_open_dataset(part, class_count(options), ctx);
  data::Dataset& dataset = opened.dataset;
  add_files(dataset, files);
  if (options.classes.empty() &&
      data::is_two_valued(dataset, chosen(dataset.slices, options.max_planes))) {
    dataset.label_map.class_count = 2;
  }
  return opened;
}

/// All that is trained on together.
OpenedDataset open_training(const CheckOptions& options, store::InputFiles& files,
                            const core::Context& ctx) {
  OpenedDataset all = open_part(options.data, options, files, ctx);
  if (!options.more_data.empty()) {
    name_after_source(all.dataset, options.data);
  }
  for (const data::DataOptions& source : options.more_data) {
    OpenedDataset more = open_part(data::in_range(source, all.dataset.range), options, files, ctx);
    name_after_source(more.dataset, source);
    data::append(all.dataset, std::move(more.dataset));
    std::move(more.problems.begin(), more.problems.end(), std::back_inserter(all.problems));
  }
  return all;
}

/// One note for all images, as a share of the values of those that have some.
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

/// The right to write the page, if one is wanted; its folder is made before the work is done.
core::OutputLock lock_page(const CheckOptions& options) {
  if (options.output.empty()) {
    return {};
  }
  core::OutputLock lock(options.output);  // first: what is there must not change any more
  if (std::filesystem::is_directory(options.output)) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", options.output),
                                          .found = "a folder",
                                          .expected = "the name of a page",
                                          .remedy = "choose another output"});
  }
  if (!options.overwrite && std::filesystem::exists(options.output)) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", options.output),
                                          .found = "it exists already",
                                          .expected = "a new name",
                                          .remedy = "choose another output or pass --overwrite"});
  }
  return lock;
}

}  // namespace

std::vector<Problem> CheckOptions::validate() const {
  std::vector<Problem> problems;
  if (!data::names_images(data) && !std::filesystem::exists(data.images)) {
    problems.push_back({.subject = "data",
                        .found = fmt::format("no images, and no folder '{}' here", data.images),
                        .expected = "a dataset folder, or images and masks",
                        .remedy = "name the folder, or give --images DIR --masks DIR"});
  }
  if (const std::optional<Problem> repeated = data::repeated_class(classes)) {
    problems.push_back(*repeated);
  }
  const bool is_page = output.ends_with(".html") || output.ends_with(".htm");
  if (!output.empty() && !is_page) {
    problems.push_back({.subject = "output",
                        .found = fmt::format("'{}'", output),
                        .expected = "the name of a page, ending in .html",
                        .remedy = {}});
  }
  if (max_planes < 1) {
    problems.push_back({.subject = "max_planes",
                        .found = fmt::format("{}", max_planes),
                        .expected = "1 or more",
                        .remedy = {}});
  }
  return problems;
}

Problem leak_problem(const RepeatedPlane& leak) {
  return {.subject = leak.second + " (held out)",
          .found = fmt::format("the image of {}{}", leak.first,
                               leak.is_turned ? ", flipped or turned" : ""),
          .expected = "held-out images that are not trained on",
          .remedy = "remove it from one of the two"};
}

CheckReport check_data(const CheckedData& parts, const CheckOptions& options,
                       const core::Context& ctx) {
  CheckReport report;
  report.planes = static_cast<std::int64_t>(parts.training->slices.size());
  for (const data::Dataset* part : {parts.training, parts.held_out}) {
    for (std::size_t v = 0; part != nullptr && v < part->volumes.size(); ++v) {
      if (const auto problem = geometry_problem(part->volumes[v])) {
        report.problems.push_back(*problem);
      }
    }
  }
  Checker checker(report, options, ctx);
  checker.read(*parts.training, Part::training);
  if (parts.held_out != nullptr && !parts.held_out->slices.empty()) {
    checker.read(*parts.held_out, Part::held_out);
  }
  report.class_names = names_of(options, report.statistics);
  checker.conclude();
  return report;
}

CheckReport check(const CheckOptions& options, const core::Context& ctx) {
  throw_if_any(ErrorKind::usage, "check: the options have problems", options.validate());
  const core::OutputLock lock = lock_page(options);
  store::InputFiles files;
  const OpenedDataset training = open_training(options, files, ctx);
  OpenedDataset held_out;
  if (data::names_images(options.validation)) {
    held_out =
        open_part(data::in_range(options.validation, training.dataset.range), options, files, ctx);
  }
  CheckReport report =
      check_data({.training = &training.dataset, .held_out = &held_out.dataset}, options, ctx);
  note_non_finite(report);
  if (const std::optional<Problem> changed = files.change(store::InputFiles::Rerun::afresh)) {
    report.problems.push_back(*changed);
  }
  std::vector<Problem> problems = training.problems;
  for (Problem& problem : held_out.problems) {
    problem.subject.insert(0, "held-out data: ");
    problems.push_back(std::move(problem));
  }
  report.problems.insert(report.problems.begin(), problems.begin(), problems.end());
  for (const RepeatedPlane& repeated : report.repeated) {
    if (repeated.is_leak) {
      report.problems.push_back(leak_problem(repeated));
    }
  }
  if (!options.output.empty()) {
    write_check_page(options.output, report);
  }
  return report;
}

}  // namespace retina::pipeline
