#include "retina/pipeline/run/run_report.h"

#include <fmt/format.h>

#include "retina/report/metrics_log.h"
#include "retina/report/page.h"

namespace retina::pipeline {
namespace {

/// The values of `key` over steps; no points if it was never logged.
report::Curve curve_of(const std::vector<Json>& lines, const std::string& key,
                       const std::string& name) {
  report::Curve curve{.name = name, .points = {}};
  for (const Json& line : lines) {
    const auto value = line.find(key);
    if (value != line.end() && value->is_number()) {
      curve.points.emplace_back(line["step"].get<double>(), value->get<double>());
    }
  }
  return curve;
}

void add_plot(report::Page& page, const std::string& title,
              const std::vector<report::Curve>& candidates) {
  std::vector<report::Curve> curves;
  for (const report::Curve& curve : candidates) {
    if (!curve.points.empty()) {
      curves.push_back(curve);
    }
  }
  if (!curves.empty()) {
    page.curves(title, "step", curves);
  }
}

void add_plots(report::Page& page, const std::vector<Json>& lines,
               const std::vector<std::string>& class_names) {
  add_plot(page, "Intersection over union", [&] {
    std::vector<report::Curve> curves;
    for (std::size_t k = 0; k < class_names.size(); ++k) {
      curves.push_back(curve_of(lines, fmt::format("iou/{}", k), "training, " + class_names[k]));
    }
    curves.push_back(curve_of(lines, "validation/iou", "validation"));
    return curves;
  }());
  add_plot(page, "Training loss",
           {curve_of(lines, "loss", "loss"), curve_of(lines, "ce", "cross-entropy"),
            curve_of(lines, "dice", "Dice"), curve_of(lines, "input_error", "output = input")});
  add_plot(page, "Images per second", {curve_of(lines, "images_per_second", "images/s")});
  add_plot(page, "Device busy", {curve_of(lines, "device_busy", "share of the time")});
  add_plot(page, "Learning rate", {curve_of(lines, "learning_rate", "learning rate")});
}

void add_samples(report::Page& page, const RunSummary& summary) {
  if (summary.samples.empty()) {
    return;
  }
  page.heading(summary.samples_are);
  page.paragraph("Errors: green = found, red = predicted only, blue = missed.");
  for (const SliceSample& sample : summary.samples) {
    page.pictures({report::grey(sample.name, sample.image),
                   report::overlay("truth", sample.image, sample.truth),
                   report::overlay("prediction", sample.image, sample.prediction),
                   report::errors("errors", sample.image, sample.prediction, sample.truth)});
  }
}

}  // namespace

void write_run_report(const std::filesystem::path& run, const RunSummary& summary) {
  report::Page page(summary.title);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : summary.facts) {
    rows.push_back({name, value});
  }
  page.table({"run", ""}, rows);
  if (summary.validation) {
    page.heading("Validation");
    page.paragraph(
        "Where these slices chose the model (the best of several validations), the scores are not "
        "those of unseen data.");
    rows.clear();
    for (const ClassScore& score : summary.validation->classes) {
      rows.push_back(
          {score.name, fmt::format("{:.4f}", score.iou), fmt::format("{:.4f}", score.pooled_iou)});
    }
    page.table({"class", "IoU (mean over slices)", "IoU (pooled)"}, rows);
  }
  for (const SummaryTable& table : summary.tables) {
    page.heading(table.title);
    page.paragraph(table.text);
    page.table(table.rows.at(0), {table.rows.begin() + 1, table.rows.end()});
  }
  add_samples(page, summary);
  if (!summary.pictures.empty()) {
    page.heading(summary.pictures_are);
    for (const auto& row : summary.pictures) {
      page.pictures(row);
    }
  }
  page.heading("Curves");
  add_plots(page, report::read_metrics(run / "metrics.jsonl"), summary.class_names);
  page.write(run / "report.html");
}

}  // namespace retina::pipeline
