#include "retina/pipeline/demo/demo_page.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "retina/report/metrics_log.h"
#include "retina/report/page.h"
#include "retina/report/picture.h"
#include "retina/store/open.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// The middle plane across `axis` as {1, rows, columns}.
core::Array middle_plane(const core::Volume& volume, int axis) {
  const auto a = static_cast<std::size_t>(axis);
  const core::Array part =
      volume.read(core::slice_box(volume.shape(), axis, volume.shape()[a] / 2));
  core::Vec3 shape{1, part.shape()[axis == 0 ? 1 : 0], part.shape()[axis == 2 ? 1 : 2]};
  core::Array plane(part.dtype(), 1, shape);
  std::copy(part.bytes().begin(), part.bytes().end(), plane.bytes().begin());
  return plane;
}

/// Keeps class 1, the mitochondria, alone.
core::Array only_mitochondria(core::Array labels) {
  for (std::uint8_t& label : labels.values<std::uint8_t>()) {
    label = label == 1 ? 1 : 0;
  }
  return labels;
}

void add_planes(report::Page& page, const DemoReport& demo) {
  const auto image = store::open(demo.image);
  const auto truth = store::open(demo.truth);
  const auto prediction = store::open(demo.prediction);
  constexpr std::array<const char*, 3> kPlanes{"xy", "xz", "yz"};
  for (int axis = 0; axis < 3; ++axis) {
    const core::Array grey = middle_plane(*image, axis);
    const core::Array structures = middle_plane(*truth, axis);
    const core::Array mask = only_mitochondria(structures);
    const core::Array predicted = middle_plane(*prediction, axis);
    page.pictures(
        {report::grey(fmt::format("{} plane: image", kPlanes[static_cast<std::size_t>(axis)]),
                      grey),
         report::overlay("all structures of the truth", grey, structures),
         report::overlay("predicted mitochondria", grey, predicted),
         report::errors("green right, red too much, blue missed", grey, predicted, mask)});
  }
}

void add_curves(report::Page& page, const fs::path& run) {
  std::vector<report::Curve> loss;
  std::vector<report::Curve> scores;
  for (const Json& line : report::read_metrics(run / "metrics.jsonl")) {
    for (const auto& [key, value] : line.items()) {
      const bool is_loss = key == "loss";
      if (!value.is_number() || (!is_loss && key.find("iou") == std::string::npos)) {
        continue;
      }
      std::vector<report::Curve>& group = is_loss ? loss : scores;
      auto curve = std::find_if(group.begin(), group.end(),
                                [&name = key](const auto& c) { return c.name == name; });
      if (curve == group.end()) {
        curve = group.insert(group.end(), {.name = key, .points = {}});
      }
      curve->points.emplace_back(line.value("step", 0.0), value.get<double>());
    }
  }
  if (!loss.empty()) {
    page.curves("Training loss", "step", loss);
  }
  if (!scores.empty()) {
    page.curves("IoU", "step", scores);
  }
}

std::string number(const Score& score) {
  return score.value ? fmt::format("{:.3f}", *score.value) : "undefined: " + score.reason;
}

}  // namespace

void write_demo_page(const DemoReport& demo, const FinetuneReport& training,
                     const EvaluateReport& scores, const PredictReport& prediction) {
  report::Page page("retina demo");
  page.paragraph(
      fmt::format("A small RETINA network was trained on a few labelled slices of synthetic EM and "
                  "then predicted a volume of tissue "
                  "that it had not seen, along all three axes. Mitochondria IoU {:.3f}; the best "
                  "single grey-value threshold would "
                  "reach {:.3f}. Everything together took {:.0f} s, of which training {:.0f} s ({} "
                  "steps) and prediction {:.0f} s.",
                  demo.iou, demo.threshold_iou, demo.seconds, training.seconds, training.steps,
                  prediction.seconds));
  page.heading("The unseen volume");
  add_planes(page, demo);
  page.heading("Scores");
  std::vector<std::vector<std::string>> rows;
  for (const ClassScores& c : scores.classes) {
    rows.push_back(
        {c.name, number(c.iou), number(c.f), number(c.precision), number(c.recall), number(c.mfd)});
  }
  page.table({"class", "IoU", "F", "precision", "recall", "mean false distance (voxels)"}, rows);
  page.heading("Training");
  add_curves(page, training.run);
  page.heading("Files");
  page.table({"what", "where"}, {{"image", demo.image},
                                 {"truth", demo.truth},
                                 {"prediction", demo.prediction},
                                 {"trained model", demo.model}});
  page.write(demo.report);
}

}  // namespace retina::pipeline
