#include "retina/pipeline/finetune/finetune_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

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
