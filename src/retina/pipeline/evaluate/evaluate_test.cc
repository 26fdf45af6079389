#include "retina/pipeline/evaluate/evaluate.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"
#include "retina/pipeline/evaluate/memory_pair_for_test.h"
#include "retina/store/open.h"
#include "retina/testing/sparse_volume.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using core::Array;
using core::DType;
using core::Vec3;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Squares of classes 1 and 2 that move with the seed, drawn into a label map.
Array label_map(const Vec3& shape, std::uint64_t seed) {
  Array labels(DType::u8, 1, shape);
  core::Rng rng(seed);
  for (int k = 0; k < 12; ++k) {
    const auto z = rng.integer(0, shape[0] - 1);
    const auto y = rng.integer(0, shape[1] - 8);
    const auto x = rng.integer(0, shape[2] - 8);
    for (std::int64_t i = 0; i < 64; ++i) {
      labels.at<std::uint8_t>(0, z, y + i / 8, x + i % 8) = static_cast<std::uint8_t>(1 + k % 2);
    }
  }
  return labels;
}

EvaluateReport evaluate_memory(const std::vector<LabelPair>& pairs,
                               const EvaluateOptions& options = {}) {
  return evaluate_pairs(pairs, options, core::silent_context());
}

/// Of 0 and 1.
Array two_valued_map() {
  Array map = label_map({1, 40, 50}, 7);
  for (auto& value : map.values<std::uint8_t>()) {
    value = value == 1 ? 1 : 0;
  }
  return map;
}

Array relabelled(const Array& labels, int factor) {
  Array result = labels;
  for (auto& value : result.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(value * factor);
  }
  return result;
}

void write_image(const std::filesystem::path& path, const Array& labels) {
  std::filesystem::create_directories(path.parent_path());
  const auto volume =
      store::create(path.string(), {.dtype = labels.dtype(), .shape = labels.shape()});
  volume->write(core::whole(labels.shape()), labels);
  volume->finish();
}

TEST(Evaluate, ScoresPlanesSmoothedAndVolumesPlain) {
  const Array prediction = label_map({1, 40, 50}, 1);
  const Array truth = label_map({1, 40, 50}, 2);
  const auto plane = evaluate_memory({memory_pair(prediction, truth, Rank::plane)});
  const auto volume = evaluate_memory({memory_pair(prediction, truth, Rank::volume)});
  const auto& counts = plane.classes.at(0).counts;
  EXPECT_EQ(plane.classes[0].iou.value, counts.smoothed_iou());
  EXPECT_EQ(volume.classes[0].iou.value, counts.iou());
  EXPECT_NE(plane.classes[0].iou.value, volume.classes[0].iou.value);
}

TEST(Evaluate, AFileThatChangesWhileItIsReadIsRefused) {
  const testing::TempFolder folder;
  write_image(folder / "p.tif", label_map({1, 40, 50}, 1));
  write_image(folder / "t.tif", label_map({1, 40, 50}, 2));
  const core::Context changing = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.what == testing::Reported::What::begin) {
      const std::filesystem::path truth = folder / "t.tif";
      std::filesystem::last_write_time(
          truth, std::filesystem::last_write_time(truth) + std::chrono::hours(1));
    }
    return false;
  });
  try {
    evaluate({.prediction = folder / "p.tif", .truth = folder / "t.tif"}, changing);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("t.tif"));
    EXPECT_THAT(error.what(), HasSubstr("changed while it was read"));
  }
}

TEST(Evaluate, GivesTheSameScoresForBlocksAsForTheWhole) {
  const auto pair = memory_pair(label_map({7, 40, 50}, 3), label_map({7, 40, 50}, 4));
  const auto whole = evaluate_memory({pair}, {.distances = false});
  const auto blocks = evaluate_memory({pair}, {.distances = false, .max_ram = "300"});
  EXPECT_EQ(to_json(blocks), to_json(whole));
  EXPECT_EQ(blocks.images.at(0).voxels, 7 * 40 * 50);
}

TEST(Evaluate, ChangesNoScoreWhenBothSidesAreRelabelled) {
  const Array prediction = label_map({1, 40, 50}, 5);
  const Array truth = label_map({1, 40, 50}, 6);
  const auto plain = evaluate_memory({memory_pair(prediction, truth)}, {.classes = {"1", "2"}});
  const auto relabel = evaluate_memory(
      {memory_pair(relabelled(prediction, 70), relabelled(truth, 70))}, {.classes = {"70", "140"}});
  EXPECT_EQ(relabel.mean_iou.value, plain.mean_iou.value);
  EXPECT_EQ(relabel.classes.at(1).mfd.value, plain.classes.at(1).mfd.value);
}

TEST(Evaluate, ReadsATwoValuedMaskAsClassOneAndSaysSo) {
  Array truth = two_valued_map();
  const auto report = evaluate_memory({memory_pair(relabelled(truth, 255), truth)});
  ASSERT_EQ(report.classes.size(), 1U);
  EXPECT_EQ(report.classes[0].id, 1);
  EXPECT_EQ(report.classes[0].iou.value, 1.0);
  EXPECT_EQ(report.classes[0].mfd.value, 0.0);
  EXPECT_THAT(report.notes, Contains(HasSubstr("the prediction is a 0/255 mask")));
}

TEST(Evaluate, MasksOf255AndOf1StandBesideEachOtherAsInTraining) {
  Array truth = two_valued_map();
  const auto report =
      evaluate_memory({memory_pair(truth, relabelled(truth, 255)), memory_pair(truth, truth)},
                      {.classes = {"mito"}});
  EXPECT_EQ(report.mean_iou.value, 1.0);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("the truth of 1 of 2 images is a 0/255 mask")));
}

TEST(Evaluate, AMaskWith1And255KeepsTheOthersFromBeingRead) {  // 255 may mean unknown there
  Array truth = two_valued_map();
  Array mixed = truth;
  mixed.at<std::uint8_t>(0, 0, 39, 49) = 255;
  const auto report =
      evaluate_memory({memory_pair(truth, relabelled(truth, 255)), memory_pair(truth, mixed)},
                      {.classes = {"mito"}});
  EXPECT_LT(report.images.at(0).classes.at(0).iou.value.value_or(1), 0.1);
  EXPECT_THAT(report.notes, Contains(HasSubstr("labels outside the classes, such as 255")));
}

TEST(Evaluate, TakesTheIgnoredValue255ForNoClass) {
  Array truth = label_map({1, 40, 50}, 8);
  const Array prediction = truth;
  truth.at<std::uint8_t>(0, 0, 39, 49) = 255;
  const auto report = evaluate_memory({memory_pair(prediction, truth)}, {.ignore_value = 255});
  EXPECT_EQ(report.classes.size(), 2U);
  EXPECT_EQ(report.mean_iou.value, 1.0);
  EXPECT_EQ(report.images.at(0).ignored, 1);
}

TEST(Evaluate, TheIgnoredValueOfTheTruthDoesNotChangeHowThePredictionIsRead) {
  Array truth = two_valued_map();
  const Array prediction = relabelled(truth, 255);
  truth.at<std::uint8_t>(0, 0, 39, 49) = 255;
  const auto report = evaluate_memory({memory_pair(prediction, truth)},
                                      {.classes = {"1=square"}, .ignore_value = 255});
  EXPECT_EQ(report.classes.at(0).iou.value, 1.0);
  EXPECT_THAT(report.notes, Contains(HasSubstr("the prediction is a 0/255 mask")));
  EXPECT_EQ(report.images.at(0).ignored, 1);
}

TEST(Evaluate, NotesPredictedLabelsOutsideTheClasses) {
  const Array labels = label_map({1, 40, 50}, 5);
  const auto report =
      evaluate_memory({memory_pair(relabelled(labels, 70), labels)}, {.classes = {"1", "2"}});
  EXPECT_THAT(report.notes,
              Contains(HasSubstr("the prediction has 2 labels outside the classes, such as 70")));
}

TEST(Evaluate, AveragesImagesAsPublishedAndNotesAbsentClasses) {
  const Array some = label_map({1, 40, 50}, 9);
  const Array none(DType::u8, 1, {1, 40, 50});
  const auto report =
      evaluate_memory({memory_pair(none, some, Rank::plane), memory_pair(none, none, Rank::plane)},
                      {.classes = {"mitochondria"}});
  EXPECT_NEAR(report.classes.at(0).iou.value.value(), 0.5, 1e-6);
  EXPECT_EQ(report.classes[0].pooled_iou.value, 0.0);
  EXPECT_FALSE(report.classes[0].precision.value);
  EXPECT_THAT(report.notes, Contains(HasSubstr("mitochondria is in neither prediction nor truth")));
}

TEST(Evaluate, ListsAllShapeAndTypeProblemsAtOnce) {
  const Array small(DType::u8, 1, {1, 3, 4});
  const Array large(DType::u8, 1, {1, 5, 6});
  const Array probabilities(DType::f32, 1, {1, 3, 4});
  try {
    evaluate_memory({memory_pair(small, large), memory_pair(probabilities, small)});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("shape"));
    EXPECT_THAT(error.what(), HasSubstr("float32"));
  }
}

LabelPair sparse_pair(const std::shared_ptr<testing::SparseVolume>& prediction,
                      const std::shared_ptr<testing::SparseVolume>& truth) {
  return {"sparse", [=] { return prediction; }, [=] { return truth; }};
}

TEST(Evaluate, CountsExtremeShapesByBlocks) {
  for (const Vec3& shape : {Vec3{1, 1, 1}, Vec3{1, 37, 53}, Vec3{1, 200'000, 300}}) {
    const core::Box3 half{{0, 0, 0}, {1, (shape[1] + 1) / 2, shape[2]}};
    const auto full = std::make_shared<testing::SparseVolume>(
        shape, DType::u8, std::vector<testing::SparseVolume::Filled>{{core::whole(shape), 1}});
    const auto part = std::make_shared<testing::SparseVolume>(
        shape, DType::u64, std::vector<testing::SparseVolume::Filled>{{half, 1}});
    EvaluateOptions options{.classes = {"1"}, .distances = false};
    options.max_ram = "16MiB";
    const auto report = evaluate_memory({sparse_pair(part, full)}, options);
    EXPECT_EQ(report.classes.at(0).counts.tp, half.voxels());
    EXPECT_EQ(report.classes[0].counts.fn, core::whole(shape).voxels() - half.voxels());
    EXPECT_DOUBLE_EQ(
        evaluate_memory({sparse_pair(full, full)}, options).classes.at(0).pooled_iou.value.value(),
        1);
    const auto empty = std::make_shared<testing::SparseVolume>(shape, DType::u8);
    EXPECT_DOUBLE_EQ(
        evaluate_memory({sparse_pair(empty, full)}, options).classes.at(0).pooled_iou.value.value(),
        0);
    EXPECT_FALSE(evaluate_memory({sparse_pair(empty, empty)}, options)
                     .classes.at(0)
                     .pooled_iou.value.has_value());
  }
}

TEST(Evaluate, StopsOnRequest) {
  std::stop_source source;
  source.request_stop();
  core::Context context = core::silent_context();
  context.stop = source.get_token();
  const Array labels = label_map({1, 40, 50}, 10);
  try {
    evaluate_pairs({memory_pair(labels, labels)}, {}, context);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(Evaluate, WithoutPathsIsAUsageError) {
  EXPECT_THROW(evaluate({.truth = "x"}, core::silent_context()), Error);
}

#if RETINA_WITH_IO
TEST(EvaluateE2e, ScoresFoldersImageByImageOrAsOneVolume) {
  const testing::TempFolder folder;
  double mean = 0;
  metric::OverlapCounts pooled;
  for (const char* name : {"slice_1", "slice_2"}) {
    const std::uint64_t seed = name[6] == '1' ? 21 : 23;
    const Array prediction = label_map({1, 40, 50}, seed);
    const Array truth = label_map({1, 40, 50}, seed + 1);
    write_image(folder / "prediction" / (std::string(name) + ".tif"), prediction);
    write_image(folder / "truth" / (std::string(name) + ".png"), truth);
    const auto counts = metric::count_overlap(prediction, truth, {1}).at(0);
    mean += counts.smoothed_iou() / 2;
    pooled += counts;
  }
  EvaluateOptions options{.prediction = (folder / "prediction").string(),
                          .truth = (folder / "truth").string(),
                          .classes = {"1=mitochondria"}};
  const auto images = evaluate(options, core::silent_context());
  EXPECT_EQ(images.images.size(), 2U);
  EXPECT_DOUBLE_EQ(images.classes.at(0).iou.value.value(), mean);
  EXPECT_DOUBLE_EQ(images.classes[0].pooled_iou.value.value(), pooled.iou().value());
  options.volume = true;
  options.reading.voxel_size_nm = {40, 4, 4};
  const auto volume = evaluate(options, core::silent_context());
  EXPECT_EQ(volume.images.size(), 1U);
  EXPECT_DOUBLE_EQ(volume.classes.at(0).iou.value.value(), pooled.iou().value());
  EXPECT_TRUE(volume.classes[0].mfd_nm.value.has_value());
}
#endif

}  // namespace
}  // namespace retina::pipeline
