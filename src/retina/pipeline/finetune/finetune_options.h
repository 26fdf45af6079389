#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/augment/recipe.h"
#include "retina/core/options.h"
#include "retina/data/options.h"
#include "retina/engine/window_plan.h"
#include "retina/model/postprocess.h"
#include "retina/net/transfer.h"
#include "retina/net/transunet_options.h"
#include "retina/pipeline/run/training_options.h"

namespace retina::pipeline {

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
  std::vector<Problem> validate() const;
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
  std::vector<Problem> validate() const;
};

/// Which weights of a validated run become its model.
enum class ChosenWeights { best, last };
constexpr core::EnumTable<ChosenWeights, 2> enum_table(ChosenWeights) {
  return {{{ChosenWeights::best, "best"}, {ChosenWeights::last, "last"}}};
}

/// Held-out slices that choose the model.
struct ValidationOptions {
  data::DataOptions data;          ///< that name no images: no validation
  std::int64_t every = 0;          ///< steps; 0 = a few times over the run
  std::vector<std::int64_t> at{};  ///< steps, instead
  ChosenWeights choose = ChosenWeights::best;
  std::int64_t max_slices = 0;  ///< evenly spaced slices that are used; 0 = all
  engine::WindowOptions windows;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("data", self.data, "held-out labelled images; empty = no validation");
    visit("every", self.every, "steps between validations; 0 = a few times over the run");
    visit("at", self.at, "steps at which to validate, instead of every; the end is one always");
    visit("choose", self.choose, "the model has the best validated weights, or the last");
    visit("max_slices", self.max_slices, "evenly spaced slices to use; 0 = all");
    visit("windows", self.windows, "sliding window of the validation");
  }
  std::vector<Problem> validate() const;
};

/// The whole configuration of a fine-tuning run. What a preset changes is in preset_recipe().
struct FinetuneOptions : TrainingOptions {
  std::string preset = "retina";
  std::string images, masks, validation_images, validation_masks;
  std::vector<std::string> classes = {"foreground"};
  std::string init;
  net::TransferScope transfer = net::TransferScope::automatic;
  std::vector<std::string> freeze{};
  data::DataOptions data;
  std::vector<data::DataOptions> more_data{};
  ValidationOptions validation;
  net::TransUNetOptions network;
  augment::Recipe augment;
  NormalisationOptions normalisation;
  LossOptions loss;
  std::int64_t ghost_batch = 0;
  int patience = 0;
  bool tune_threshold = false;
  bool leave_one_region_out = false;
  model::Postprocess postprocess;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("preset", self.preset,
          "retina, retina-imagenet, retina-small or retina-tiny; the last two have defaults of "
          "their own (docs/training.md)");
    visit("images", self.images, "training images (short for data.images)");
    visit("masks", self.masks, "training labels (short for data.masks)");
    visit("validation_images", self.validation_images, "held-out images");
    visit("validation_masks", self.validation_masks, "held-out labels");
    visit("classes", self.classes, "names of the classes 1, 2, ...; background is not listed");
    visit("init", self.init, "model, run folder or file of weights to start from");
    visit("transfer", self.transfer,
          "which of its weights: transformer (published), encoder, all, none; automatic: "
          "transformer of a pre-trained network, all of a fine-tuned one");
    visit("freeze", self.freeze,
          "beginnings or patterns of names of tensors not to train (short for optimizer.freeze); "
          "empty: transformer.encoder with transfer transformer or encoder; none: nothing");
    visit("data", self.data, "training images and labels");
    visit("more_data", self.more_data, "further data sets with labels of the same classes");
    visit("validation", self.validation, "held-out slices that choose the model");
    visit("network", self.network, "shape of the network; the preset's, where not given");
    visit("augment", self.augment, "augmentation");
    visit("normalisation", self.normalisation, "mean and standard deviation of the grey values");
    visit("loss", self.loss, "weights of the loss");
    visit("ghost_batch", self.ghost_batch,
          "crops of a step that share BatchNorm statistics and loss, as those of one of several "
          "ranks do; 0 = all");
    visit("patience", self.patience, "validations without a better score before stopping; 0 = all");
    TrainingOptions::fields(self, visit);
    visit("tune_threshold", self.tune_threshold,
          "at the end, store the threshold that scores best on the held-out slices in the model "
          "(one class); else it is 0.5, as published");
    visit(
        "leave_one_region_out", self.leave_one_region_out,
        "also train once for each region of known labels with that region hidden, and report what "
        "training gains on it over init; the trainings share max_seconds equally, 300 where "
        "neither it nor steps is given");
    visit("postprocess", self.postprocess,
          "what predict does to labels of the model unless told otherwise");
  }
  std::vector<Problem> validate() const;

  /// What is set but does nothing without held-out images, by the names of the options.
  std::vector<std::string> without_effect() const;

  /// Output maps of the network: 1 for one class (sigmoid), else one more than classes (softmax).
  int channels() const { return classes.size() == 1 ? 1 : static_cast<int>(classes.size()) + 1; }
  bool validates() const {
    return data::names_images(validation.data) || !validation_images.empty();
  }
  /// Patterns of what is not trained, when `scope` of other weights was moved.
  std::vector<std::string> frozen(net::TransferScope scope) const;
  /// `data` with the short flags laid over it.
  data::DataOptions training_data() const;
  /// The same, and more_data.
  std::vector<data::DataOptions> training_sources() const;
  /// `validation.data` alike; read as the training data are (label values, range), where not said
  /// otherwise; in intensities as in `range` where that is known, as predict will.
  data::DataOptions held_out_data(const core::IntensityRange& range) const;
};

}  // namespace retina::pipeline
