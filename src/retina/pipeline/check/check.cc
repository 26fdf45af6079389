#include "retina/pipeline/check/check.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/core/lock.h"
#include "retina/data/append.h"
#include "retina/pipeline/check/check_notes.h"
#include "retina/pipeline/check/check_page.h"
#include "retina/pipeline/check/label_geometry.h"
#include "retina/pipeline/check/plane_reader.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace {

constexpr int kAnyClass = 255;

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
      data::is_two_valued(dataset, chosen_slices(dataset.slices, options.max_planes))) {
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
  PlaneReader reader(report, options, ctx);
  reader.read(*parts.training, DataPart::training);
  if (parts.held_out != nullptr && !parts.held_out->slices.empty()) {
    reader.read(*parts.held_out, DataPart::held_out);
  }
  report.class_names = names_of(options, report.statistics);
  add_conclusions(report, reader.planes(), options);
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
