#include "retina/pipeline/compare/comparison_page.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/compare/first_seen.h"
#include "retina/pipeline/compare/moments.h"
#include "retina/report/page.h"

namespace retina::pipeline {
namespace {

/// In the place of its x: amounts of labels come in the order of the grid.
void add_point(report::Curve& curve, double x, const std::optional<Moments>& y) {
  if (!y) {
    return;
  }
  const auto next = std::upper_bound(curve.points.begin(), curve.points.end(), x,
                                     [](double a, const auto& point) { return a < point.first; });
  curve.spread.insert(curve.spread.begin() + (next - curve.points.begin()), y->sd);
  curve.points.emplace(next, x, y->mean);
}

report::Curve convergence_of(const Comparison& comparison, const RunGroup& group,
                             const ComparedMetric& metric) {
  report::Curve curve{.name = group.init, .points = {}};
  for (const std::int64_t step : comparison.steps(group)) {
    add_point(curve, static_cast<double>(step),
              moments(comparison.values_after(group, step, metric.key)));
  }
  return curve;
}

void add_convergence(report::Page& page, const Comparison& comparison) {
  page.heading("Scores over training steps");
  page.paragraph("Mean over the seeds, with a band of one standard deviation to each side.");
  for (const std::vector<RunGroup>& groups : together(comparison.groups, have_same_data)) {
    for (const ComparedMetric& metric : comparison.curves_of(groups)) {
      std::vector<report::Curve> curves;
      for (const RunGroup& group : groups) {
        curves.push_back(convergence_of(comparison, group, metric));
      }
      page.curves(fmt::format("{}, {} labelled: {}", groups.front().dataset, groups.front().labels,
                              metric.title),
                  "step", curves);
    }
  }
}

std::vector<report::Curve> efficiency_of(const Comparison& comparison,
                                         const std::vector<RunGroup>& groups) {
  std::vector<report::Curve> curves;
  for (const RunGroup& group : groups) {
    report::Curve& curve =
        found_or_added(curves, [&](const report::Curve& one) { return one.name == group.init; },
                       {.name = group.init, .points = {}});
    const CellResult& one = comparison.runs[group.runs.front()].result;
    add_point(curve, static_cast<double>(one.training_slices),
              moments(comparison.values(group, "iou")));
  }
  return curves;
}

void add_efficiency(report::Page& page, const Comparison& comparison) {
  for (const std::vector<RunGroup>& groups : together(comparison.groups, have_same_dataset)) {
    const std::vector<report::Curve> curves = efficiency_of(comparison, groups);
    if (std::any_of(curves.begin(), curves.end(),
                    [](const report::Curve& curve) { return curve.points.size() > 1; })) {
      page.curves(groups.front().dataset + ": IoU over labelled slices", "labelled slices", curves);
    }
  }
}

/// Predictions of one initialisation beside the slices.
struct Shown {
  std::string init;
  std::uint64_t seed = 0;
  std::vector<SliceSample> samples;
};

void add_picture_rows(report::Page& page, const Comparison& comparison,
                      const std::vector<RunGroup>& groups, const PredictSlices& predict) {
  constexpr std::array<const char*, 3> kNames{"best", "median", "worst"};
  const std::vector<std::size_t> slices = telling_slices(comparison, groups);
  std::vector<Shown> shown;
  for (const RunGroup& group : groups) {
    const std::size_t run = median_run(comparison, group);
    std::vector<SliceSample> samples = predict(run, slices);
    if (!samples.empty()) {
      shown.push_back({group.init, comparison.runs[run].seed, std::move(samples)});
    }
  }
  if (shown.empty()) {
    return;
  }
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const SliceSample& slice = shown.front().samples[i];
    const char* which = slices.size() == kNames.size() ? kNames[i] : "slice";
    std::vector<report::Picture> row{
        report::grey(fmt::format("{}: {}", which, slice.name), slice.image),
        report::overlay("truth", slice.image, slice.truth)};
    for (const Shown& one : shown) {
      row.push_back(report::errors(fmt::format("{}, seed {}", one.init, one.seed),
                                   one.samples[i].image, one.samples[i].prediction,
                                   one.samples[i].truth));
    }
    page.pictures(row);
  }
}

void add_pictures(report::Page& page, const Comparison& comparison, const PredictSlices& predict) {
  page.heading("Best, median and worst held-out slice");
  page.paragraph(
      "By the mean IoU over all runs; of each initialisation the run with the median IoU. Green = "
      "found, red = predicted only, blue = missed.");
  for (const std::vector<RunGroup>& groups : together(comparison.groups, have_same_data)) {
    page.paragraph(fmt::format("{}, {} labelled", groups.front().dataset, groups.front().labels));
    add_picture_rows(page, comparison, groups, predict);
  }
}

}  // namespace

std::vector<std::size_t> telling_slices(const Comparison& comparison,
                                        const std::vector<RunGroup>& groups) {
  std::vector<std::vector<double>> ious;  // of each slice
  for (const RunGroup& group : groups) {
    for (const std::size_t run : group.runs) {
      const std::vector<SliceIou>& slices = comparison.runs[run].result.slices;
      ious.resize(std::max(ious.size(), slices.size()));
      for (std::size_t i = 0; i < slices.size(); ++i) {
        if (slices[i].iou) {
          ious[i].push_back(*slices[i].iou);
        }
      }
    }
  }
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < ious.size(); ++i) {
    if (const auto mean = moments(ious[i])) {
      ranked.emplace_back(-mean->mean, i);
    }
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i) {
    const std::size_t parts = std::min<std::size_t>(3, ranked.size()) - 1;
    chosen.push_back(ranked[parts == 0 ? 0 : i * (ranked.size() - 1) / parts].second);
  }
  return chosen;
}

std::size_t median_run(const Comparison& comparison, const RunGroup& group) {
  std::vector<std::size_t> runs = group.runs;
  const auto iou = [&](std::size_t run) {
    const auto& scores = comparison.runs[run].result.scores;
    const auto found = scores.find("iou");
    return found == scores.end() ? 0 : found->second;
  };
  std::stable_sort(runs.begin(), runs.end(),
                   [&](std::size_t a, std::size_t b) { return iou(a) < iou(b); });
  return runs[(runs.size() - 1) / 2];
}

void write_comparison_page(const std::filesystem::path& path, const Comparison& comparison,
                           const PredictSlices& predict) {
  report::Page page("Comparison");
  page.paragraph(fmt::format("{} finished runs.", comparison.runs.size()));
  for (const ReportTable& table : tables_of(comparison)) {
    page.heading(table.title);
    if (!table.note.empty()) {
      page.paragraph(table.note);
    }
    page.table(table.header, table.rows, table.strong);
  }
  if (!comparison.runs.empty()) {
    add_convergence(page, comparison);
    add_efficiency(page, comparison);
    if (predict) {
      add_pictures(page, comparison, predict);
    }
  }
  page.write(path);
}

}  // namespace retina::pipeline
