// What `check` found, as JSON and as a table.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/pipeline/check/check.h"

namespace retina::pipeline {

namespace {

constexpr std::size_t kListedProblems = 50;

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
    out += fmt::format("{:<{}}  {:<18}{:<9}{:<9}{:>7}{:>7}  {}{}\n", v.name, width,
                       core::to_string(v.shape), core::name_of(v.image_dtype),
                       core::name_of(v.label_dtype), v.statistics.planes, v.statistics.empty_planes,
                       shares_text(v.statistics, report.class_names.size()),
                       v.is_held_out ? "  held out" : "");
  }
  if (report.volumes.size() > max_rows) {
    out += fmt::format("... and {} more\n", report.volumes.size() - max_rows);
  }
}

Json volume_json(const CheckedVolume& v) {
  Json labels = Json::array();
  for (const auto& [value, pixels] : v.stored_labels) {
    labels.push_back({{"value", value}, {"pixels", pixels}});
  }
  return {{"name", v.name},
          {"held_out", v.is_held_out},
          {"shape", v.shape},
          {"image_dtype", core::name_of(v.image_dtype)},
          {"label_dtype", core::name_of(v.label_dtype)},
          {"planes_read", v.statistics.planes},
          {"empty_planes", v.statistics.empty_planes},
          {"non_finite", v.statistics.non_finite},
          {"mean", v.statistics.mean()},
          {"std", v.statistics.std()},
          {"stored_labels", labels}};
}

}  // namespace

void throw_if_bad(const CheckReport& report, const CheckOptions& options) {
  const std::string& where = options.data.path.empty() ? options.data.images : options.data.path;
  throw_if_any(ErrorKind::bad_data, "the dataset " + where + " has problems", report.problems);
}

Json to_json(const CheckReport& report) {
  Json json;
  json["ok"] = report.ok();
  json["planes"] = report.planes;
  json["planes_read"] = report.statistics.planes;
  json["digest"] = report.digest;
  json["empty_planes"] = report.statistics.empty_planes;
  json["constant_planes"] = report.constant_planes;
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
    json["volumes"].push_back(volume_json(v));
  }
  json["duplicates"] = Json::array();
  for (const RepeatedPlane& repeated : report.repeated) {
    json["duplicates"].push_back({{"first", repeated.first},
                                  {"second", repeated.second},
                                  {"turned", repeated.is_turned},
                                  {"labels_differ", repeated.labels_differ},
                                  {"leak", repeated.is_leak}});
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
