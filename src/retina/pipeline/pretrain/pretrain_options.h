#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/augment/recipe.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/options.h"
#include "retina/net/transunet_options.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/run/training_options.h"
#include "retina/trainer/restoration_task.h"

namespace retina::pipeline {

/// The whole configuration of a pre-training run. The defaults are the published procedure
/// (retina.md 2); what a preset of our own changes is in pretraining_recipe().
struct PretrainOptions : TrainingOptions {
  std::string preset = "retina";
  std::vector<std::string> images;
  std::vector<std::string> axes = {"xy"};
  std::vector<data::DataOptions> data;
  std::string init;
  net::TransUNetOptions network;
  augment::Recipe augment = augment::restoration_recipe();
  NormalisationOptions normalisation = {.mean = 0.57287007, .std = 0.12740536};
  std::int64_t ghost_batch = 16;
  trainer::GhostStatistics ghost_statistics = trainer::GhostStatistics::first;
  std::int64_t epochs = 200;
  std::int64_t max_epochs = 5000;
  std::int64_t checkpoint_epochs = 20;
  double checkpoint_minutes = 60;
  std::int64_t pictures_every = 500;
  std::int64_t pictures = 4;
  std::int64_t collapse_after = 1000;

  PretrainOptions() {
    batch = 256;
    steps = 0;
    checkpoint_every = 0;
    shuffle = data::Shuffle::same_each_epoch;
    precision = tensor::Precision::fp32;
    augment.application = augment::Application::published;
    network.tail = net::TransUNetTail::reconstruction;
  }

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("preset", self.preset,
          "retina, retina-imagenet, retina-small or retina-tiny; the last two have defaults of "
          "their own (docs/training.md)");
    visit("images", self.images, "patch packs, folders of images, stacks or volumes; no labels");
    visit("axes", self.axes, "planes to cut from volumes among them: xy, xz, yz");
    visit("data", self.data,
          "where no images are given: images with options as in finetune; masks are not read");
    visit("init", self.init, "model, run folder or file of weights to start from");
    visit("network", self.network, "shape of the network; the preset's, where not given");
    visit("augment", self.augment, "augmentation");
    visit("normalisation", self.normalisation,
          "mean and standard deviation of the grey values; null = of the images");
    visit("ghost_batch", self.ghost_batch,
          "images of a step that share BatchNorm statistics; 0 = all");
    visit("ghost_statistics", self.ghost_statistics,
          "running statistics: first (of the first group, as published) or averaged");
    visit("epochs", self.epochs,
          "passes over the data, where steps is 0; an epoch draws as many patches from a plane as "
          "fit in it. 0 = until max_seconds");
    visit("max_epochs", self.max_epochs,
          "epochs over which the learning rate falls, whatever max_seconds is (published: 5000); 0 "
          "= the run, or its time");
    visit("checkpoint_epochs", self.checkpoint_epochs,
          "epochs between checkpoints, where checkpoint_every is 0; 0 = none");
    visit("checkpoint_minutes", self.checkpoint_minutes,
          "minutes between checkpoints, at most; 0 = no limit");
    visit("pictures_every", self.pictures_every,
          "steps between pictures of input, reconstruction and target; 0 = at the end");
    visit("pictures", self.pictures, "images in a picture");
    visit("collapse_after", self.collapse_after,
          "step from which an almost constant output ends the run; before it, only where its "
          "checkpoint "
          "would replace one whose output was not; 0 = never");
    TrainingOptions::fields(self, visit);
  }
  std::vector<Problem> validate() const;

  /// Everything to train on: `images` one by one, else `data`.
  std::vector<data::DataOptions> sources() const;
};

/// The complete configuration of a run from what the user gave, as resolve_finetune(): the preset's
/// network with the restoration tail; patches and crops follow the window.
Json resolve_pretrain(const Json& given, const core::Context& context);

}  // namespace retina::pipeline
