#include "retina/pipeline/check.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "retina/core/rng.h"
#include "retina/pipeline/open_dataset.h"

namespace retina::pipeline {

namespace {

constexpr std::size_t kListedProblems = 50;
constexpr int kAnyClass = 255;

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

class Checker {
 public:
  Checker(const data::Dataset& dataset, CheckReport& report) : dataset_(dataset), report_(report) {
    for (const data::LabelledVolume& volume : dataset.volumes) {
      CheckedVolume row;
      row.name = volume.name;
      row.shape = volume.image->shape();
      row.image_dtype = volume.image->info().dtype;
      if (volume.labels != nullptr) {
        row.label_dtype = volume.labels->info().dtype;
      }
      report.volumes.push_back(row);
    }
  }

  void read(const data::Slice& slice) {
    const auto index = static_cast<std::size_t>(slice.volume);
    CheckedVolume& row = report_.volumes[index];
    try {
      if (dataset_.volumes[index].labels != nullptr) {
        count_values(row, data::count_labels(dataset_.volumes[index], slice));
      }
      const data::LabelledPlane plane = data::read_plane(dataset_, slice);
      row.statistics.add(plane);
      report_.statistics.add(plane);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data) {
        throw;
      }
      report_.problems.push_back(
          {.subject = error.what(), .found = {}, .expected = {}, .remedy = {}});
    }
  }

  void conclude() {
    drop_unused_rows();
    note_two_valued();
    note_empty_masks();
    if (report_.statistics.planes > 0 && report_.statistics.std() == 0) {
      report_.problems.push_back({.subject = "images",
                                  .found = "one grey value everywhere",
                                  .expected = "images with contrast",
                                  .remedy = "check the image files or the input range"});
    }
  }

 private:
  void count_values(CheckedVolume& row, const data::LabelCensus& census) {
    two_valued_planes_ += dataset_.label_map.values.empty() && !dataset_.label_map.ignore_value &&
                                  dataset_.label_map.class_count == 2 && census.only_0_and_255()
                              ? 1
                              : 0;
    std::map<std::int64_t, std::int64_t> counts(row.stored_labels.begin(), row.stored_labels.end());
    for (const auto& [value, pixels] : census.counts) {
      counts[value] += pixels;
    }
    row.stored_labels.assign(counts.begin(), counts.end());
  }

  /// Volumes of which the range of slices takes nothing are not part of the report.
  void drop_unused_rows() {
    std::vector<CheckedVolume> used;
    for (std::size_t v = 0; v < report_.volumes.size(); ++v) {
      const auto here = [&](const data::Slice& s) {
        return static_cast<std::size_t>(s.volume) == v;
      };
      if (std::any_of(dataset_.slices.begin(), dataset_.slices.end(), here)) {
        used.push_back(std::move(report_.volumes[v]));
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
      report_.problems.push_back({.subject = "masks",
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

  const data::Dataset& dataset_;
  CheckReport& report_;
  std::int64_t two_valued_planes_ = 0;
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

std::string shares_text(const data::Statistics& statistics, std::size_t classes) {
  std::vector<std::string> parts;
  for (const double share : statistics.class_shares(static_cast<int>(classes))) {
    parts.push_back(fmt::format("{:.2f}", 100 * share));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

void append_rows(std::string& out, const CheckReport& report, std::size_t max_rows) {
  std::size_t width = 4;
  for (const CheckedVolume& v : report.volumes) {
    width = std::max(width, v.name.size());
  }
  out += fmt::format("{:<{}}  {:<18}{:<9}{:<9}{:>7}{:>7}  {}\n", "name", width, "shape z,y,x",
                     "image", "labels", "planes", "empty",
                     "% of " + fmt::format("{}", fmt::join(report.class_names, ", ")));
  for (std::size_t i = 0; i < std::min(max_rows, report.volumes.size()); ++i) {
    const CheckedVolume& v = report.volumes[i];
    out += fmt::format("{:<{}}  {:<18}{:<9}{:<9}{:>7}{:>7}  {}\n", v.name, width,
                       core::to_string(v.shape), core::name_of(v.image_dtype),
                       core::name_of(v.label_dtype), v.statistics.planes, v.statistics.empty_planes,
                       shares_text(v.statistics, report.class_names.size()));
  }
  if (report.volumes.size() > max_rows) {
    out += fmt::format("... and {} more\n", report.volumes.size() - max_rows);
  }
}

}  // namespace

CheckReport check_dataset(const data::Dataset& dataset, const CheckOptions& options,
                          const core::Context& ctx) {
  CheckReport report;
  report.planes = static_cast<std::int64_t>(dataset.slices.size());
  Checker checker(dataset, report);
  const std::vector<data::Slice> slices = chosen(dataset.slices, options.max_planes);
  if (slices.size() < dataset.slices.size()) {
    report.notes.push_back(fmt::format("{} of {} planes were read (max_planes)", slices.size(),
                                       dataset.slices.size()));
  }
  ctx.progress->begin("check", static_cast<std::int64_t>(slices.size()), "planes");
  for (std::size_t i = 0; i < slices.size(); ++i) {
    ctx.check_stop("run the check again");
    checker.read(slices[i]);
    ctx.progress->update(static_cast<std::int64_t>(i) + 1);
  }
  ctx.progress->end();
  report.class_names = names_of(options, report.statistics);
  checker.conclude();
  return report;
}

CheckReport check(const CheckOptions& options, const core::Context& ctx) {
  OpenedDataset opened = try_open_dataset(options.data, class_count(options), ctx);
  CheckReport report = check_dataset(opened.dataset, options, ctx);
  report.problems.insert(report.problems.begin(), opened.problems.begin(), opened.problems.end());
  return report;
}

void throw_if_bad(const CheckReport& report, const CheckOptions& options) {
  const std::string& where = options.data.path.empty() ? options.data.images : options.data.path;
  throw_if_any(ErrorKind::bad_data, "the dataset " + where + " has problems", report.problems);
}

Json to_json(const CheckReport& report) {
  Json json;
  json["ok"] = report.ok();
  json["planes"] = report.planes;
  json["planes_read"] = report.statistics.planes;
  json["empty_planes"] = report.statistics.empty_planes;
  json["mean"] = report.statistics.mean();
  json["std"] = report.statistics.std();
  const auto shares = report.statistics.class_shares(static_cast<int>(report.class_names.size()));
  json["classes"] = Json::array();
  for (std::size_t id = 0; id < shares.size(); ++id) {
    json["classes"].push_back(
        {{"id", id}, {"name", report.class_names[id]}, {"share", shares[id]}});
  }
  json["volumes"] = Json::array();
  for (const CheckedVolume& v : report.volumes) {
    Json labels = Json::array();
    for (const auto& [value, pixels] : v.stored_labels) {
      labels.push_back({{"value", value}, {"pixels", pixels}});
    }
    json["volumes"].push_back({{"name", v.name},
                               {"shape", v.shape},
                               {"image_dtype", core::name_of(v.image_dtype)},
                               {"label_dtype", core::name_of(v.label_dtype)},
                               {"planes_read", v.statistics.planes},
                               {"empty_planes", v.statistics.empty_planes},
                               {"stored_labels", labels}});
  }
  json["notes"] = report.notes;
  json["problems"] = Json::array();
  for (const Problem& problem : report.problems) {
    json["problems"].push_back(to_string(problem));
  }
  return json;
}

std::string to_table(const CheckReport& report, std::size_t max_rows) {
  std::string out;
  append_rows(out, report, max_rows);
  out += fmt::format("\n{} planes, {} read; mean {:.5f}, std {:.5f} (of pixels / 255)\n",
                     report.planes, report.statistics.planes, report.statistics.mean(),
                     report.statistics.std());
  const auto shares = report.statistics.class_shares(static_cast<int>(report.class_names.size()));
  for (std::size_t id = 0; id < shares.size(); ++id) {
    out += fmt::format("  class {:<3} {:<24} {:>7.3f} %\n", id, report.class_names[id],
                       100 * shares[id]);
  }
  for (const std::string& note : report.notes) {
    out += "note: " + note + "\n";
  }
  for (std::size_t i = 0; i < std::min(kListedProblems, report.problems.size()); ++i) {
    out += "problem: " + to_string(report.problems[i]) + "\n";
  }
  if (report.problems.size() > kListedProblems) {
    out += fmt::format("... and {} more problems\n", report.problems.size() - kListedProblems);
  }
  out +=
      report.ok() ? "ready for training\n" : fmt::format("{} problems\n", report.problems.size());
  return out;
}

}  // namespace retina::pipeline
