#include "retina/pipeline/check/check_page.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/report/page.h"
#include "retina/report/picture.h"

namespace retina::pipeline {
namespace {

constexpr std::size_t kMostRows = 200;
constexpr std::size_t kPicturesInARow = 4;

using Rows = std::vector<std::vector<std::string>>;

void add_findings(report::Page& page, const CheckReport& report) {
  page.heading(report.ok() ? "Ready for training"
                           : fmt::format("{} problems", report.problems.size()));
  Rows rows;
  for (std::size_t i = 0; i < std::min(kMostRows, report.problems.size()); ++i) {
    const Problem& problem = report.problems[i];
    rows.push_back({problem.subject, problem.found, problem.expected, problem.remedy});
  }
  if (!rows.empty()) {
    page.table({"what", "found", "expected", "what to do"}, rows);
  }
  for (const std::string& note : report.notes) {
    page.paragraph("Note: " + note);
  }
}

void add_statistics(report::Page& page, const CheckReport& report) {
  const data::Statistics& all = report.statistics;
  page.heading("Classes and grey values");
  const auto shares = all.class_shares(static_cast<int>(report.class_names.size()));
  Rows rows;
  for (std::size_t id = 0; id < shares.size(); ++id) {
    rows.push_back(
        {fmt::format("{}", id), report.class_names[id], fmt::format("{:.3f} %", 100 * shares[id])});
  }
  page.table({"id", "class", "share of the labelled pixels"}, rows);
  page.paragraph(fmt::format(
      "{} planes, {} read, {} without foreground; mean {:.4f}, standard deviation {:.4f} (of "
      "pixels / 255).",
      report.planes, all.planes, all.empty_planes, all.mean(), all.std()));
  report::Curve curve{.name = "share of the pixels", .points = {}};
  for (std::size_t value = 0; value < all.histogram.size(); ++value) {
    curve.points.emplace_back(static_cast<double>(value),
                              static_cast<double>(all.histogram[value]) /
                                  static_cast<double>(std::max<std::int64_t>(1, all.pixels())));
  }
  page.curves("Grey values, as the network sees them", "grey value", {curve});
}

void add_volumes(report::Page& page, const CheckReport& report) {
  page.heading("Images");
  Rows rows;
  for (std::size_t i = 0; i < std::min(kMostRows, report.volumes.size()); ++i) {
    const CheckedVolume& v = report.volumes[i];
    std::vector<std::string> shares;
    for (const double share :
         v.statistics.class_shares(static_cast<int>(report.class_names.size()))) {
      shares.push_back(fmt::format("{:.2f}", 100 * share));
    }
    rows.push_back(
        {v.name, v.is_held_out ? "held out" : "training", core::to_string(v.shape),
         std::string(core::name_of(v.image_dtype)), std::string(core::name_of(v.label_dtype)),
         fmt::format("{}", v.statistics.planes), fmt::format("{}", v.statistics.empty_planes),
         fmt::format("{:.3f} ± {:.3f}", v.statistics.mean(), v.statistics.std()),
         fmt::format("{}", fmt::join(shares, " "))});
  }
  page.table({"name", "part", "size z, y, x", "image", "labels", "planes", "empty", "grey values",
              "% of each class"},
             rows);
  if (report.volumes.size() > kMostRows) {
    page.paragraph(fmt::format("... and {} more.", report.volumes.size() - kMostRows));
  }
}

void add_repeated(report::Page& page, const CheckReport& report) {
  if (report.repeated.empty()) {
    return;
  }
  page.heading("Images that occur twice");
  Rows rows;
  for (std::size_t i = 0; i < std::min(kMostRows, report.repeated.size()); ++i) {
    const RepeatedPlane& repeated = report.repeated[i];
    rows.push_back({repeated.first, repeated.second, repeated.is_turned ? "flipped or turned" : "",
                    repeated.labels_differ ? "yes" : "", repeated.is_leak ? "yes" : ""});
  }
  page.table({"first", "again", "", "masks differ", "training and held out"}, rows);
}

void add_thumbnails(report::Page& page, const CheckReport& report) {
  if (report.thumbnails.empty()) {
    return;
  }
  page.heading("Samples");
  std::vector<report::Picture> row;
  for (const Thumbnail& sample : report.thumbnails) {
    row.push_back(report::grey(sample.name, sample.image));
    if (sample.labels.elements() > 0) {
      row.push_back(report::overlay("with its mask", sample.image, sample.labels));
    }
    if (row.size() >= kPicturesInARow) {
      page.pictures(row);
      row.clear();
    }
  }
  if (!row.empty()) {
    page.pictures(row);
  }
}

}  // namespace

void write_check_page(const std::string& path, const CheckReport& report) {
  report::Page page("retina check");
  add_findings(page, report);
  add_statistics(page, report);
  add_thumbnails(page, report);
  add_repeated(page, report);
  add_volumes(page, report);
  page.write(path);
}

}  // namespace retina::pipeline
