#include "retina/pipeline/finetune/published_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Keys as the authors' files have them (retina.md 3.2).
Json published_sample() {
  return {{"experiment_name", "sample"},
          {"num_classes", 3},
          {"class_names", {"back", "lysosome", "mitochondrion"}},
          {"class_weights", {0.1, 1, 1}},
          {"data_dir", "train"},
          {"norms", {{"mean", 0.25}, {"std", 0.125}}},
          {"save_interval", 250},
          {"bsz", nullptr},
          {"pretrain", true},
          {"pretrain_file", "weights"},
          {"lr", 0.01},
          {"wd", 0.1},
          {"optim", "AdamW"},
          {"iters", 3000},
          {"num_prints", 15},
          {"augmentations",
           {{{"aug", "PadIfNeeded"}, {"min_height", 224}},
            {{"aug", "CropNonEmptyMaskIfExists"}, {"p", 0.8}},
            {{"aug", "RandomResizedCrop"},
             {"height", 224},
             {"scale", {0.08, 1.0}},
             {"ratio", {0.5, 1.5}}},
            {{"aug", "Rotate"}, {"limit", 180}},
            {{"aug", "HorizontalFlip"}},
            {{"aug", "VerticalFlip"}}}}};
}

TEST(PublishedConfig, IsToldFromOurs) {
  EXPECT_TRUE(is_published_config(published_sample()));
  EXPECT_FALSE(is_published_config({{"steps", 10}, {"classes", {"a"}}}));
}

TEST(PublishedConfig, BindsToOurOptions) {
  const testing::TempFolder folder;
  Json given = published_sample();
  given["output"] = "run";
  given["pretrain_file"] = write_pretrained(folder.path());
  given["network"] = {{"heads", 2}};

  const auto options =
      core::options_from_json<FinetuneOptions>(resolve_finetune(given, core::silent_context()));

  EXPECT_EQ(options.preset, "retina");
  EXPECT_EQ(options.classes, (std::vector<std::string>{"lysosome", "mitochondrion"}));
  EXPECT_EQ(options.network.classes, 3);
  EXPECT_EQ(options.loss.class_weights, (std::vector<double>{0.1, 1, 1}));
  EXPECT_EQ(options.steps, 3000);
  EXPECT_EQ(options.batch, FinetuneOptions{}.batch);
  EXPECT_EQ(options.log_every, 200);
  EXPECT_EQ(options.normalisation.mean, 0.25);
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::sgd);
  EXPECT_EQ(options.optimizer.learning_rate, 0.01);
  EXPECT_EQ(options.optimizer.weight_decay, trainer::OptimizerOptions{}.weight_decay);
  EXPECT_EQ(options.freeze, (std::vector<std::string>{"transformer.encoder"}));
  EXPECT_EQ(options.transfer, net::TransferScope::transformer);
  EXPECT_EQ(options.init, given["pretrain_file"]);
  EXPECT_EQ(options.network.hidden, 16);  // read from the weights
  EXPECT_EQ(options.network.tail, net::TransUNetTail::segmentation);
  EXPECT_EQ(options.augment.crop_nonempty, 0.8);
  EXPECT_EQ(options.augment.brightness_contrast_probability, 0);
  EXPECT_EQ(options.augment.rotate_limit, 180);
}

TEST(PublishedConfig, EachIgnoredKeyIsOneWarning) {
  const PublishedConfig published = from_published_config(published_sample());
  ASSERT_EQ(published.warnings.size(), 3U);
  for (const char* key : {"experiment_name", "wd", "optim"}) {
    EXPECT_THAT(published.warnings, Contains(AllOf(HasSubstr(key), HasSubstr("ignored"))));
  }
}

TEST(PublishedConfig, WithoutWeightsNothingIsFrozen) {
  Json yaml = published_sample();
  yaml["pretrain"] = false;
  const Json config = from_published_config(yaml).config;
  EXPECT_FALSE(config.contains("init"));
  EXPECT_FALSE(config.contains("freeze"));
}

TEST(PublishedConfig, KeysWithoutAValueAreAbsent) {
  Json yaml = published_sample();
  for (const char* key : {"class_weights", "norms", "num_prints", "augmentations", "lr"}) {
    yaml[key] = nullptr;
  }
  const Json config = from_published_config(yaml).config;
  for (const char* key : {"loss", "normalisation", "log_every", "augment", "optimizer"}) {
    EXPECT_FALSE(config.contains(key)) << key;
  }
}

TEST(PublishedConfig, TheNumberOfClassesCounts) {
  Json yaml = published_sample();
  yaml.erase("class_names");
  const PublishedConfig unnamed = from_published_config(yaml);
  EXPECT_EQ(unnamed.config["classes"], (Json{"class1", "class2"}));
  EXPECT_THAT(unnamed.warnings, Contains(HasSubstr("class1, class2")));
  yaml["num_classes"] = 1;
  EXPECT_FALSE(from_published_config(yaml).config.contains("classes"));
  yaml["class_names"] = Json::array({"cleft"});
  EXPECT_EQ(from_published_config(yaml).config["classes"], Json::array({"cleft"}));
  yaml["num_classes"] = 7;
  try {
    from_published_config(yaml);
    FAIL() << "7 maps, 1 name";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("num_classes: 7"));
  }
}

TEST(PublishedConfig, OneOfTheFlipsIsWarnedOf) {
  Json yaml = published_sample();
  yaml["augmentations"] = Json::array({{{"aug", "HorizontalFlip"}, {"p", 0.3}}});
  const PublishedConfig alone = from_published_config(yaml);
  EXPECT_EQ(alone.config["augment"]["flip_probability"], 0.3);
  EXPECT_THAT(alone.warnings, Contains(HasSubstr("HorizontalFlip alone")));
  yaml["augmentations"].push_back({{"aug", "VerticalFlip"}, {"p", 0.3}});
  EXPECT_THAT(from_published_config(yaml).warnings, ::testing::Not(Contains(HasSubstr("flips"))));
  yaml["augmentations"][1]["p"] = 0.5;
  EXPECT_THAT(from_published_config(yaml).warnings, Contains(HasSubstr("unequal p")));
}

TEST(PublishedConfig, UnknownAugmentationsAreRefused) {
  Json yaml = published_sample();
  yaml["augmentations"] = Json::array({{{"aug", "ElasticTransform"}}});
  EXPECT_THROW(from_published_config(yaml), Error);
}

TEST(PublishedConfig, ValuesOfAnotherKindAreRefused) {
  for (const char* bad : {R"([{"aug": "Rotate", "p": "often"}])", R"([{"aug": 3}])", R"([7])",
                          R"([{"aug": "RandomResizedCrop", "scale": [0.1]}])",
                          R"([{"aug": "GaussNoise", "var_limit": 5}])"}) {
    Json yaml = published_sample();
    yaml["augmentations"] = Json::parse(bad);
    try {
      from_published_config(yaml);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), HasSubstr("augmentations"));
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
