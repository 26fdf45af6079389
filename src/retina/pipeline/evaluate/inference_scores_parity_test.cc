#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/metric/class_mask.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/evaluate/memory_pair_for_test.h"
#include "retina/tensor/convert.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/fixtures.h"

// What the authors' inference scripts made of their stored predictions (parity README, sections 5
// and 6): masking and scores. Scores are quotients of counts in float64: 1e-12.
namespace retina::pipeline {
namespace {

struct InferenceFixture {
  std::filesystem::path folder;
  Json cases;

  tensor::NamedTensors tensors(const std::string& name) const {
    return tensor::read_safetensors(folder / (name + ".safetensors"));
  }
};

std::filesystem::path inference_folder(const std::string& name) {
  return testing::parity_root() / "retina" / name;
}

InferenceFixture read_inference(const std::string& name) {
  const auto folder = inference_folder(name);
  return {folder, core::read_json(folder / "expected.json").at("cases")};
}

/// Options that score as the script did in this case.
EvaluateOptions script_options(const Json& facts) {
  EvaluateOptions options{.mask_prediction = facts.value("mask_prediction", false),
                          .instance_match = facts.value("instance_match", false),
                          .distances = false};
  for (const Json& id : facts.at("eval_classes")) {
    options.classes.push_back(std::to_string(id.get<int>()));
  }
  return options;
}

void expect_printed(const Json& line, const std::optional<double>& found) {
  const auto text = line.get<std::string>();
  const std::string number = text.substr(text.rfind(' ') + 1);
  ASSERT_EQ(found.has_value(), number != "nan") << text;
  if (found) {
    EXPECT_NEAR(*found, std::stod(number), 1e-12) << text;
  }
}

void compare_image(const Json& facts, const std::string& overlap,
                   const tensor::NamedTensors& file) {
  const EvaluateReport report =
      evaluate_pairs({memory_pair(tensor::to_array(file.at("prediction_overlap" + overlap)),
                                  tensor::to_array(file.at("mask")), Rank::plane)},
                     script_options(facts), core::silent_context());
  const Json& scores = facts.at("script_image_ious_overlap" + overlap);
  const Json& printed = facts.at("script_stdout_last_lines");
  ASSERT_EQ(scores.size(), report.images.size());
  ASSERT_EQ(scores[0].size(), report.classes.size());
  ASSERT_EQ(printed.size(), report.classes.size() + 1);
  for (std::size_t k = 0; k < report.classes.size(); ++k) {
    EXPECT_NEAR(report.images[0].classes[k].iou.value.value(), scores[0][k].get<double>(), 1e-12);
    expect_printed(printed[k], report.classes[k].iou.value);
  }
  expect_printed(printed.back(), report.mean_iou.value);
}

TEST(InferenceScoresParity, inference2d) {
  RETINA_SKIP_WITHOUT(inference_folder("inference2d") / "expected.json");
  const InferenceFixture fixture = read_inference("inference2d");
  const std::string prefix = "script_image_ious_overlap";
  for (const auto& [name, facts] : fixture.cases.items()) {
    SCOPED_TRACE(name);
    for (const auto& [key, scores] : facts.items()) {
      if (key.starts_with(prefix)) {
        compare_image(facts, key.substr(prefix.size()), fixture.tensors(name));
      }
    }
  }
}

/// The printed scores of a class are smoothed, those of a volume are the mean of I/U.
void compare_volume(const Json& facts, const std::string& mode, const tensor::NamedTensors& file) {
  const core::Array truth = tensor::to_array(file.at("ground_truth"));
  core::Array prediction = tensor::to_array(file.at(mode + ".prediction_saved"));
  const EvaluateReport report = evaluate_pairs({memory_pair(prediction, truth)},
                                               script_options(facts), core::silent_context());
  const Json& printed = facts.at(mode).at("script_stdout_last_lines");
  ASSERT_EQ(printed.size(), report.classes.size() + 2);
  for (std::size_t k = 0; k < report.classes.size(); ++k) {
    expect_printed(printed[k], report.classes[k].counts.smoothed_iou());
  }
  expect_printed(printed[report.classes.size()], report.images.at(0).mean_iou.value);
  expect_printed(printed.back(), report.mean_iou.value);
  if (facts.at("mask_prediction").get<bool>()) {
    metric::clear_where(prediction, truth, 0);
  }
  EXPECT_EQ(prediction, tensor::to_array(file.at(mode + ".prediction_scored")));
}

TEST(InferenceScoresParity, inference3d) {
  RETINA_SKIP_WITHOUT(inference_folder("inference3d") / "expected.json");
  const InferenceFixture fixture = read_inference("inference3d");
  for (const auto& [name, facts] : fixture.cases.items()) {
    for (const std::string mode : {"stack", "orthoplane"}) {
      if (facts.contains(mode)) {
        SCOPED_TRACE(name + ' ' + mode);
        compare_volume(facts, mode, fixture.tensors(name));
      }
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
