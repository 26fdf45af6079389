#include "retina/pipeline/finetune/finetune_options.h"

#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/pipeline/pretrain/pretrain_options.h"

namespace retina::pipeline {
namespace {

/// Options that nothing is wrong with.
FinetuneOptions faultless_options() {
  FinetuneOptions options;
  options.output = "run";
  options.data.images = "folder/images";
  return options;
}

template <class Options>
std::vector<std::string> faults_of(const Options& options) {
  std::vector<std::string> texts;
  for (const Problem& problem : options.validate()) {
    texts.push_back(to_string(problem));
  }
  return texts;
}

TEST(FinetuneOptions, AllProblemsAreListedAtOnce) {
  FinetuneOptions options;
  options.batch = 0;
  options.steps = 0;
  options.validation_images = "only images";
  options.loss.class_weights = {1, 1};
  std::vector<std::string> subjects;
  for (const Problem& problem : options.validate()) {
    subjects.push_back(problem.subject);
  }
  EXPECT_THAT(subjects, ::testing::IsSupersetOf({"output", "data", "validation", "steps",
                                                 "loss.class_weights", "batch"}));
}

TEST(FinetuneOptions, ImagesWithoutAPathAreEnough) {
  FinetuneOptions options;
  EXPECT_FALSE(options.validates());
  options.output = "run";
  options.data.images = "folder/images";
  options.validation.data.images = "held_out/images";
  EXPECT_THAT(options.validate(), ::testing::IsEmpty());
  EXPECT_TRUE(options.validates());
}

TEST(FinetuneOptions, AClassIsNamedOnce) {
  FinetuneOptions options;
  options.output = "run";
  options.data.images = "folder/images";
  options.classes = {"mito", "lyso", "mito"};
  options.network.classes = options.channels();
  ASSERT_EQ(options.validate().size(), 1U);
  EXPECT_EQ(options.validate().front().found, "'mito' twice");
}

TEST(FinetuneOptions, AClassHasAName) {
  FinetuneOptions options = faultless_options();
  for (const char* name : {"", " "}) {
    options.classes = {name};
    EXPECT_THAT(faults_of(options), ::testing::ElementsAre("classes: an empty name, expected a "
                                                           "name for each class"));
  }
}

TEST(FinetuneOptions, AStandardDeviationIsMoreThan0) {
  FinetuneOptions options = faultless_options();
  PretrainOptions pretraining;
  pretraining.output = "run";
  pretraining.images = {"folder"};
  const std::vector<std::string> before = faults_of(pretraining);
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double deviation : {0.0, -1.0, infinity, nan}) {
    options.normalisation = {.mean = 0.5, .std = deviation};
    pretraining.normalisation = options.normalisation;
    EXPECT_EQ(faults_of(options).size(), 1U) << deviation;
    EXPECT_EQ(faults_of(pretraining).size(), before.size() + 1) << deviation;
  }
  options.normalisation = {.mean = 0.5, .std = -1};
  EXPECT_THAT(faults_of(options),
              ::testing::ElementsAre("normalisation.std: -1, expected more than 0"));
  options.normalisation = {.mean = nan, .std = 0.1};
  EXPECT_EQ(faults_of(options).size(), 1U);
  options.normalisation = {};
  EXPECT_THAT(faults_of(options), ::testing::IsEmpty());
}

TEST(FinetuneOptions, ALossHasWeight) {
  FinetuneOptions options = faultless_options();
  options.loss.ce_weight = 0;
  EXPECT_THAT(faults_of(options), ::testing::IsEmpty());
  options.loss.dice_weight = 0;
  EXPECT_EQ(faults_of(options).size(), 1U);
  options.loss.dice_weight = -1;
  EXPECT_THAT(faults_of(options),
              ::testing::ElementsAre("loss.dice_weight: -1, expected 0 or more"));
}

TEST(FinetuneOptions, AClassOfTheLossHasWeight) {
  FinetuneOptions options = faultless_options();
  options.classes = {"a", "b"};
  options.network.classes = options.channels();
  options.loss.class_weights = {0, 1, 2};
  EXPECT_THAT(faults_of(options), ::testing::IsEmpty());
  const std::vector<std::vector<double>> useless{{0, 0, 0}, {1, -1, 1}, {1, 1}, {1, 1, 1, 1}};
  for (const std::vector<double>& weights : useless) {
    options.loss.class_weights = weights;
    EXPECT_THAT(faults_of(options),
                ::testing::ElementsAre(::testing::StartsWith("loss.class_weights: ")));
  }
}

TEST(FinetuneOptions, ValidationIsAtStepsOrEverySoMany) {
  FinetuneOptions options = faultless_options();
  options.validation.data.images = "held_out/images";
  options.validation.at = {1, 5};
  EXPECT_THAT(faults_of(options), ::testing::IsEmpty());
  options.validation.every = 3;
  EXPECT_THAT(faults_of(options), ::testing::ElementsAre("validation.at: together with "
                                                         "validation.every, expected one of them"));
  options.validation.every = 0;
  options.validation.at = {0, 5};
  EXPECT_THAT(faults_of(options),
              ::testing::ElementsAre("validation.at: [0, 5], expected steps, 1 or more"));
}

TEST(FinetuneOptions, WhatNeedsHeldOutImagesIsNamedWhereThereAreNone) {
  FinetuneOptions options;
  EXPECT_THAT(options.without_effect(), ::testing::IsEmpty());
  options.patience = 3;
  options.validation.at = {10};
  EXPECT_THAT(options.without_effect(), ::testing::ElementsAre("patience", "validation.at"));
  options.validation.data.images = "held_out/images";
  EXPECT_THAT(options.without_effect(), ::testing::IsEmpty());
}

TEST(FinetuneOptions, LeavingOutRegionsNeedsAStartAndOneAxis) {
  FinetuneOptions options;
  options.output = "run";
  options.data.images = "folder/images";
  options.leave_one_region_out = true;
  options.data.axes = {"xy", "xz"};
  EXPECT_EQ(options.validate().size(), 2U);
  options.data.axes = {"xy"};
  options.init = "mito-tiny";
  EXPECT_THAT(options.validate(), ::testing::IsEmpty());
}

TEST(FinetuneOptions, OneClassIsOneMap) {
  FinetuneOptions options;
  EXPECT_EQ(options.channels(), 1);
  options.classes = {"a", "b"};
  EXPECT_EQ(options.channels(), 3);
}

}  // namespace
}  // namespace retina::pipeline
