#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/metric/class_mask.h"
#include "retina/metric/cremi.h"
#include "retina/metric/distance.h"
#include "retina/metric/instance_match.h"
#include "retina/metric/overlap.h"
#include "retina/testing/fixtures.h"

// Overlap, distances, CREMI and instance match of expected.json; its meters are compared by
// trainer/meters_test.cc. Cases are taken from the file. The metric module is free of torch, and so
// is its test: the few lines of safetensors that fixtures need are read here.
namespace retina::metric {
namespace {

using core::Array;
using core::DType;
using core::Vec3;

struct FixtureTensor {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> bytes;  // dtype U8
};

struct MetricFixture {
  std::map<std::string, FixtureTensor> tensors;
  Json cases;

  bool has(const std::string& name) const { return tensors.contains(name); }
  const FixtureTensor& at(const std::string& name) const { return tensors.at(name); }

  /// A 2D or 3D label tensor; 2D has z = 1.
  Array labels(const std::string& name) const {
    const FixtureTensor& tensor = at(name);
    Vec3 shape{1, 1, 1};
    std::copy_backward(tensor.shape.begin(), tensor.shape.end(), shape.end());
    Array array(DType::u8, 1, shape);
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), array.values<std::uint8_t>().begin());
    return array;
  }
};

std::filesystem::path metrics_folder() {
  return testing::parity_root() / "retina" / "metrics";
}

MetricFixture load_metric_fixture() {
  MetricFixture fixture;
  fixture.cases = core::read_json(metrics_folder() / "expected.json").at("cases");
  const auto file = core::read_bytes(metrics_folder() / "metrics.safetensors");
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  const auto* text = reinterpret_cast<const char*>(file.data()) + 8;
  const std::byte* data = file.data() + 8 + header_size;
  const Json header = Json::parse(text, text + header_size);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      continue;
    }
    FixtureTensor tensor;
    tensor.shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto begin = entry.at("data_offsets").at(0).get<std::size_t>();
    const auto size = entry.at("data_offsets").at(1).get<std::size_t>() - begin;
    if (entry.at("dtype") == "U8") {
      tensor.bytes.resize(size);
      std::memcpy(tensor.bytes.data(), data + begin, size);
    }
    fixture.tensors[name] = std::move(tensor);
  }
  return fixture;
}

/// "nan" and "throws ..." in the fixture are undefined here.
void expect_score(const Json& expected, const std::optional<double>& found, const std::string& what,
                  double tolerance = 1e-12) {
  if (expected.is_string()) {
    EXPECT_FALSE(found.has_value()) << what << ": expected undefined, found " << found.value_or(0);
    return;
  }
  ASSERT_TRUE(found.has_value()) << what << ": undefined, expected " << expected;
  const double value = expected.get<double>();
  EXPECT_NEAR(*found, value, tolerance * std::max(1.0, std::abs(value))) << what;
}

/// The names of the label cases: those with counts of their own.
std::vector<std::string> label_cases(const MetricFixture& fixture) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : fixture.cases.items()) {
    if (entry.is_object() && entry.contains("counts_definitions")) {
      names.push_back(name);
    }
  }
  return names;
}

void report_checked(const std::string& what, std::size_t cases) {
  std::cout << "metrics: " << what << ": " << cases << " cases compared\n";
}

TEST(OverlapParity, metrics) {
  RETINA_SKIP_WITHOUT(metrics_folder());
  const MetricFixture fixture = load_metric_fixture();
  const auto names = label_cases(fixture);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Json& entry = fixture.cases.at(name);
    const Json& counts = entry.at("counts_definitions");
    const auto found =
        count_overlap(fixture.labels(name + ".pred"), fixture.labels(name + ".truth"), {1}).at(0);
    EXPECT_EQ(found.tp, counts.at("tp"));
    EXPECT_EQ(found.fp, counts.at("fp"));
    EXPECT_EQ(found.fn, counts.at("fn"));
    expect_score(counts.at("iou"), found.iou(), "iou");
    expect_score(counts.at("dice"), found.f_score(), "F");
    expect_score(counts.at("precision"), found.precision(), "precision");
    expect_score(counts.at("recall"), found.recall(), "recall");
    expect_score(counts.at("iou_eps_1e-5"), found.smoothed_iou(), "smoothed IoU");
    expect_score(entry.at("inference2d_iou").at("value"), found.smoothed_iou(), "2D script");
    expect_score(entry.at("inference3d_stored_iou").at("value"), found.iou(), "3D script");
    expect_score(entry.at("authors_IoU_meter_binary").at("value").at(0), found.smoothed_iou(),
                 "meter", 1e-6);
  }
  report_checked("overlap", names.size());
}

void expect_directions(const Json& expected, const Array& prediction, const Array& truth,
                       const core::Vec3d& sampling) {
  const FalseDistances found = false_distances(prediction, truth, sampling, core::silent_context());
  if (expected.contains("undefined")) {
    EXPECT_FALSE(found.mean_false_distance().has_value());
    return;
  }
  expect_score(expected.at("pred_to_truth_mean"), found.prediction_to_truth->mean, "mean p->t");
  expect_score(expected.at("truth_to_pred_mean"), found.truth_to_prediction->mean, "mean t->p");
  expect_score(expected.at("symmetric_mean"), found.mean_false_distance(), "MFD");
  expect_score(expected.at("pred_to_truth_max"), found.prediction_to_truth->max, "max p->t");
  expect_score(expected.at("truth_to_pred_max"), found.truth_to_prediction->max, "max t->p");
  expect_score(expected.at("pred_to_truth_median"), found.prediction_to_truth->median, "median");
  expect_score(expected.at("truth_to_pred_median"), found.truth_to_prediction->median, "median");
  const auto cremi =
      cremi_clefts(prediction, truth, {.sampling_nm = sampling}, core::silent_context());
  EXPECT_EQ(cremi.false_positives.beyond_threshold, expected.at("pred_voxels_beyond_200"));
  EXPECT_EQ(cremi.false_negatives.beyond_threshold, expected.at("truth_voxels_beyond_200"));
}

TEST(DistanceParity, metrics) {
  RETINA_SKIP_WITHOUT(metrics_folder());
  const MetricFixture fixture = load_metric_fixture();
  std::size_t compared = 0;
  for (const std::string& name : label_cases(fixture)) {
    SCOPED_TRACE(name);
    const Array prediction = fixture.labels(name + ".pred");
    const Array truth = fixture.labels(name + ".truth");
    for (const auto& [key, expected] : fixture.cases.at(name).items()) {
      SCOPED_TRACE(key);
      if (key == "distances_unit_sampling_definition") {
        expect_directions(expected, prediction, truth, {1, 1, 1});
        ++compared;
      }
      core::Vec3d sampling{};
      if (std::sscanf(key.c_str(), "distances_sampling_%lf_%lf_%lf_definition", &sampling[0],
                      &sampling[1], &sampling[2]) == 3) {
        expect_directions(expected, prediction, truth, sampling);
        ++compared;
      }
    }
  }
  report_checked("distances", compared);
}

/// Voxels of the mask with a face neighbour outside it or outside the image.
Array surface_of(const Array& mask) {
  Array surface(DType::u8, 1, mask.shape());
  const Vec3 s = mask.shape();
  const auto inside = [&](std::int64_t z, std::int64_t y, std::int64_t x) {
    const bool in_image = z >= 0 && y >= 0 && x >= 0 && z < s[0] && y < s[1] && x < s[2];
    return in_image && mask.at<std::uint8_t>(0, z, y, x) != 0;
  };
  const bool is_plane = s[0] == 1;
  for (std::int64_t z = 0; z < s[0]; ++z) {
    for (std::int64_t y = 0; y < s[1]; ++y) {
      for (std::int64_t x = 0; x < s[2]; ++x) {
        const bool enclosed = inside(z, y - 1, x) && inside(z, y + 1, x) && inside(z, y, x - 1) &&
                              inside(z, y, x + 1) &&
                              (is_plane || (inside(z - 1, y, x) && inside(z + 1, y, x)));
        surface.at<std::uint8_t>(0, z, y, x) = inside(z, y, x) && !enclosed ? 1 : 0;
      }
    }
  }
  return surface;
}

/// 95th percentile, linearly interpolated, of the distances between both surfaces.
double surface_distance_95(const Array& prediction, const Array& truth) {
  const Array p = surface_of(prediction);
  const Array t = surface_of(truth);
  auto all = directed_distances(p, t, {1, 1, 1}, core::silent_context()).value();
  const auto back = directed_distances(t, p, {1, 1, 1}, core::silent_context()).value();
  all.insert(all.end(), back.begin(), back.end());
  std::sort(all.begin(), all.end());
  const double position = 0.95 * static_cast<double>(all.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double rest = position - static_cast<double>(below);
  return rest == 0 ? all[below] : all[below] * (1 - rest) + all[below + 1] * rest;
}

TEST(SurfaceDistanceParity, metrics) {
  RETINA_SKIP_WITHOUT(metrics_folder());
  const MetricFixture fixture = load_metric_fixture();
  const auto names = label_cases(fixture);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Array prediction = fixture.labels(name + ".pred");
    const Array truth = fixture.labels(name + ".truth");
    const Json& expected =
        fixture.cases.at(name).at("authors_calculate_metric_percase_dice_hd95").at("value");
    if (count_voxels(prediction) > 0 && count_voxels(truth) > 0) {
      expect_score(expected.at(0), count_overlap(prediction, truth, {1}).at(0).f_score(), "Dice");
      expect_score(expected.at(1), surface_distance_95(prediction, truth), "HD95");
    } else {  // the authors' function calls an empty truth perfect; here both are undefined
      EXPECT_EQ(expected.at(0), count_voxels(prediction) > 0 ? 1.0 : 0.0);
      EXPECT_EQ(expected.at(1), 0.0);
    }
  }
  report_checked("Dice and HD95", names.size());
}

TEST(InstanceMatchParity, metrics) {
  RETINA_SKIP_WITHOUT(metrics_folder());
  const MetricFixture fixture = load_metric_fixture();
  const Json& cases = fixture.cases.at("instance_match");
  for (const auto& [name, expected] : cases.items()) {
    SCOPED_TRACE(name);
    const std::string prefix = "instance_" + name;
    const Array truth = class_mask(fixture.labels(prefix + ".truth"), 1);
    const auto match = match_instances(class_mask(fixture.labels(prefix + ".pred"), 1), truth);
    EXPECT_TRUE(match.matched == fixture.labels(prefix + ".matched")) << "matched objects";
    const auto counts = count_overlap(match.matched, truth, {1}).at(0);
    EXPECT_EQ(counts.tp, expected.at("intersection"));
    EXPECT_EQ(counts.tp + counts.fp + counts.fn, expected.at("union"));
    expect_score(expected.at("iou"), counts.smoothed_iou(), "IoU");
  }
  report_checked("instance match", cases.size());
}

/// What scipy's transform gives where there is no voxel to measure to: the distance to a point one
/// section before the volume. The official evaluator prints it as a distance; the product reports
/// it as undefined.
std::vector<double> distances_to_nothing(const Array& from, const core::Vec3d& sampling) {
  std::vector<double> distances;
  const Vec3 s = from.shape();
  for (std::int64_t z = 0; z < s[0]; ++z) {
    for (std::int64_t y = 0; y < s[1]; ++y) {
      for (std::int64_t x = 0; x < s[2]; ++x) {
        if (from.at<std::uint8_t>(0, z, y, x) != 0) {
          distances.push_back(std::hypot(sampling[0] * static_cast<double>(z + 1),
                                         sampling[1] * static_cast<double>(y),
                                         sampling[2] * static_cast<double>(x)));
        }
      }
    }
  }
  return distances;
}

void expect_cremi_side(const Json& expected, const Json& expected_beyond, CremiSide found,
                       const Array& from, const CremiOptions& options) {
  if (!found.beyond_threshold) {
    EXPECT_FALSE(found.distances.has_value());
    const auto distances = distances_to_nothing(from, options.sampling_nm);
    found.beyond_threshold =
        std::count_if(distances.begin(), distances.end(),
                      [&](double distance) { return distance > options.threshold_nm; });
    found.distances = summarise(distances);
  }
  EXPECT_EQ(found.count, expected.at("count"));
  EXPECT_EQ(*found.beyond_threshold, expected_beyond);
  const auto part = [&](double DistanceStatistics::*member) {
    return found.distances ? std::optional((*found.distances).*member) : std::nullopt;
  };
  expect_score(expected.at("mean"), part(&DistanceStatistics::mean), "mean");
  expect_score(expected.at("std"), part(&DistanceStatistics::sd), "std");
  expect_score(expected.at("max"), part(&DistanceStatistics::max), "max");
  expect_score(expected.at("median"), part(&DistanceStatistics::median), "median");
}

TEST(CremiParity, metrics) {
  RETINA_SKIP_WITHOUT(metrics_folder());
  const MetricFixture fixture = load_metric_fixture();
  const CremiOptions options;
  const Json& cases = fixture.cases.at("cremi_clefts");
  for (const auto& [name, expected] : cases.items()) {
    SCOPED_TRACE(name);
    const Array truth_labels = fixture.labels("cremi_" + name + ".truth_class");
    const Array truth = class_mask(truth_labels, 1);
    Array prediction = class_mask(fixture.labels("cremi_" + name + ".test_class"), 1);
    clear_where(prediction, truth_labels, 2);
    const CremiScores found = cremi_clefts(prediction, truth, options, core::silent_context());
    expect_score(expected.at("cremi_score_mean_of_two"), found.score(), "CREMI score");
    expect_cremi_side(expected.at("acc_false_positives"), expected.at("false_positives_beyond_200"),
                      found.false_positives, prediction, options);
    expect_cremi_side(expected.at("acc_false_negatives"), expected.at("false_negatives_beyond_200"),
                      found.false_negatives, truth, options);
  }
  report_checked("CREMI", cases.size());
}

}  // namespace
}  // namespace retina::metric
