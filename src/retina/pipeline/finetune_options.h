#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/augment/recipe.h"
#include "retina/core/options.h"
#include "retina/data/options.h"
#include "retina/engine/window_plan.h"
#include "retina/net/transunet_options.h"
#include "retina/tensor/device.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/schedule.h"
#include "retina/trainer/train_loop.h"

namespace retina::pipeline {

/// True where `data` names images: a path, or images elsewhere than the default.
inline bool names_images(const data::DataOptions& data) {
  return !data.path.empty() || data.images != data::DataOptions{}.images;
}

/// Weights of the published loss.
struct LossOptions {
  double ce_weight = 0.5;
  double dice_weight = 0.5;
  std::vector<double> class_weights{};  ///< of the cross-entropy; empty = 1 each

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("ce_weight", self.ce_weight, "weight of the cross-entropy");
    visit("dice_weight", self.dice_weight, "weight of the Dice loss");
    visit("class_weights", self.class_weights,
          "weights of the classes in the cross-entropy, background first; empty = 1 each");
  }
};

/// Constants that bring grey values to mean 0 and variance 1.
struct NormalisationOptions {
  std::optional<double> mean;  ///< of the pixels / 255; none = of the training images
  std::optional<double> std;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("mean", self.mean, "mean of the pixels / 255; none = of the training images");
    visit("std", self.std, "standard deviation of the pixels / 255; none = of the training images");
  }
};

/// Held-out slices that choose the model.
struct ValidationOptions {
  data::DataOptions data;       ///< that name no images: no validation
  std::int64_t every = 0;       ///< steps; 0 = a few times over the run
  std::int64_t max_slices = 0;  ///< evenly spaced slices that are used; 0 = all
  engine::WindowOptions windows;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("data", self.data, "held-out labelled images; empty = no validation");
    visit("every", self.every, "steps between validations; 0 = a few times over the run");
    visit("max_slices", self.max_slices, "evenly spaced slices to use; 0 = all");
    visit("windows", self.windows, "sliding window of the validation");
  }
};

/// The whole configuration of a fine-tuning run. What a preset changes is in preset_recipe().
struct FinetuneOptions {
  std::string preset = "retina";
  std::string output;
  std::string images, masks, validation_images, validation_masks;
  std::vector<std::string> classes = {"foreground"};
  std::string init;
  data::DataOptions data;
  ValidationOptions validation;
  net::TransUNetOptions network;
  augment::Recipe augment;
  NormalisationOptions normalisation;
  LossOptions loss;
  trainer::OptimizerOptions optimizer;
  trainer::ScheduleOptions schedule;
  double average_decay = 0;
  std::int64_t batch = 16;
  std::int64_t steps = 3000;
  double max_seconds = 0;
  std::int64_t extend_to = 0;
  int patience = 0;
  std::int64_t log_every = 10;
  std::int64_t checkpoint_every = 500;
  trainer::Keep keep = trainer::Keep::best_and_last;
  tensor::Precision precision = tensor::Precision::automatic;
  std::string device = "auto";
  int threads = 0;
  std::uint64_t seed = 1234;
  bool resume = false;
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("preset", self.preset, "retina, retina-imagenet, retina-small or retina-tiny");
    visit("output", self.output, "run folder to make");
    visit("images", self.images, "training images (short for data.images)");
    visit("masks", self.masks, "training labels (short for data.masks)");
    visit("validation_images", self.validation_images, "held-out images");
    visit("validation_masks", self.validation_masks, "held-out labels");
    visit("classes", self.classes, "names of the classes 1, 2, ...; background is not listed");
    visit("init", self.init, "model or run folder whose weights to start from");
    visit("data", self.data, "training images and labels");
    visit("validation", self.validation, "held-out slices that choose the model");
    visit("network", self.network, "shape of the network; the preset's, where not given");
    visit("augment", self.augment, "augmentation");
    visit("normalisation", self.normalisation, "mean and standard deviation of the grey values");
    visit("loss", self.loss, "weights of the loss");
    visit("optimizer", self.optimizer, "optimiser and frozen tensors");
    visit("schedule", self.schedule, "learning rate over the run");
    visit("average_decay", self.average_decay,
          "decay of the mean of the weights over steps, which is validated and kept; 0 = none");
    visit("batch", self.batch, "crops of a training step");
    visit("steps", self.steps, "training steps; 0 = until max_seconds");
    visit("max_seconds", self.max_seconds,
          "time limit of the whole run; the learning rate follows the clock. 0 = none");
    visit("extend_to", self.extend_to, "with resume: steps of the longer run");
    visit("patience", self.patience, "validations without a better score before stopping; 0 = all");
    visit("log_every", self.log_every, "steps between lines of metrics.jsonl");
    visit("checkpoint_every", self.checkpoint_every, "steps between checkpoints; 0 = at the end");
    visit("keep", self.keep, "checkpoints to keep: best_and_last or all");
    visit("precision", self.precision, "auto, fp32 or bf16");
    visit("device", self.device, "auto, cpu, cuda or cuda:1");
    visit("threads", self.threads, "CPU threads; 0 = all cores");
    visit("seed", self.seed, "of everything random");
    visit("resume", self.resume, "go on with the run in the output folder");
    visit("overwrite", self.overwrite, "replace an existing run folder");
  }
  std::vector<Problem> validate() const;

  /// Output maps of the network: 1 for one class (sigmoid), else one more than classes (softmax).
  int channels() const { return classes.size() == 1 ? 1 : static_cast<int>(classes.size()) + 1; }
  bool validates() const { return names_images(validation.data) || !validation_images.empty(); }
};

}  // namespace retina::pipeline
