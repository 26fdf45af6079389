#include "retina/pipeline/finetune/finetune_options.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/problem_list.h"

namespace retina::pipeline {
namespace {

bool is_loss_weight(double value) {
  return std::isfinite(value) && value >= 0;
}

bool is_blank_name(const std::string& name) {
  return name.find_first_not_of(" \t") == std::string::npos;
}

}  // namespace

std::vector<Problem> LossOptions::validate() const {
  ProblemList problems;
  for (const auto& [option, weight] :
       {std::pair{"loss.ce_weight", ce_weight}, std::pair{"loss.dice_weight", dice_weight}}) {
    problems.require(is_loss_weight(weight), option, fmt::format("{}", weight), "0 or more");
  }
  problems.require(ce_weight != 0 || dice_weight != 0, "loss", "ce_weight 0 and dice_weight 0",
                   "more than 0 for one of them");
  const bool are_weights = std::all_of(class_weights.begin(), class_weights.end(), is_loss_weight);
  const bool is_any_used = std::any_of(class_weights.begin(), class_weights.end(),
                                       [](double weight) { return weight > 0; });
  problems.require(class_weights.empty() || (are_weights && is_any_used), "loss.class_weights",
                   fmt::format("[{}]", fmt::join(class_weights, ", ")),
                   "0 or more for each class, more than 0 for one of them");
  return problems.take();
}

std::vector<Problem> NormalisationOptions::validate() const {
  ProblemList problems;
  const double centre = mean.value_or(0);
  const double deviation = std.value_or(1);
  problems.require(std::isfinite(centre), "normalisation.mean", fmt::format("{}", centre),
                   "a finite number");
  if (std::isfinite(deviation)) {
    problems.above("normalisation.std", deviation, 0);
  } else {
    problems.require(false, "normalisation.std", fmt::format("{}", deviation),
                     "a finite number, more than 0");
  }
  return problems.take();
}

std::vector<Problem> ValidationOptions::validate() const {
  ProblemList problems;
  problems.at_least("validation.every", static_cast<double>(every), 0);
  problems.at_least("validation.max_slices", static_cast<double>(max_slices), 0);
  problems.require(std::all_of(at.begin(), at.end(), [](std::int64_t step) { return step >= 1; }),
                   "validation.at", fmt::format("[{}]", fmt::join(at, ", ")), "steps, 1 or more");
  problems.require(at.empty() || every == 0, "validation.at", "together with validation.every",
                   "one of them");
  problems.add(windows.validate());
  return problems.take();
}

std::vector<Problem> FinetuneOptions::validate() const {
  ProblemList problems;
  problems.require(data::names_images(data) || (!images.empty() && !masks.empty()), "data",
                   "no training images and masks", "data.path, or images and masks",
                   "give --images DIR --masks DIR");
  problems.require(validation_images.empty() == validation_masks.empty(), "validation",
                   "only one of validation_images and validation_masks", "both or none");
  problems.require(!classes.empty(), "classes", "none", "at least one name");
  problems.require(std::none_of(classes.begin(), classes.end(), is_blank_name), "classes",
                   "an empty name", "a name for each class");
  if (const std::optional<Problem> repeated = data::repeated_class(classes)) {
    problems.add({*repeated});
  }
  problems.require(network.classes == channels(), "network.classes",
                   std::to_string(network.classes),
                   fmt::format("{} for {} classes", channels(), classes.size()));
  problems.require(network.in_channels == 1, "network.in_channels",
                   std::to_string(network.in_channels), "1: images have one channel");
  problems.require(augment.size == network.window, "augment.size", std::to_string(augment.size),
                   fmt::format("the network's window, {}", network.window));
  const std::size_t weights = loss.class_weights.size();
  problems.require(
      weights == 0 || (channels() > 1 && weights == static_cast<std::size_t>(channels())),
      "loss.class_weights", fmt::format("{} weights", weights),
      channels() == 1 ? "none for a single class"
                      : fmt::format("{}, background first", channels()));
  problems.require(steps > 0 || max_seconds > 0, "steps", "0 without max_seconds", "1 or more");
  problems.require(transfer == net::TransferScope::automatic ||
                       transfer == net::TransferScope::none || !init.empty(),
                   "transfer", core::enum_name(transfer), "weights to transfer",
                   "give --init MODEL");
  problems.at_least("ghost_batch", static_cast<double>(ghost_batch), 0);
  problems.at_least("patience", patience, 0);
  problems.require(patience == 0 || validation.choose == ChosenWeights::best, "patience",
                   "together with validation.choose last", "one of them");
  check(problems);
  problems.require(!tune_threshold || (channels() == 1 && validates()), "tune_threshold",
                   channels() == 1 ? "no held-out images" : "several classes",
                   "one class and held-out images");
  problems.require(!leave_one_region_out || !init.empty(), "leave_one_region_out", "no init",
                   "a model that the gain is measured from", "give --init MODEL");
  const std::vector<data::DataOptions> sources = training_sources();
  const bool are_across_z = std::all_of(sources.begin(), sources.end(), [](const auto& source) {
    return source.axes == std::vector<std::string>{"xy"};
  });
  problems.require(!leave_one_region_out || are_across_z, "leave_one_region_out",
                   "planes of other axes, which cross the hidden region", "data.axes [xy]");
  problems.add(postprocess.validate());
  for (const data::DataOptions& source : sources) {
    problems.add(source.validate());
  }
  problems.add(network.validate());
  problems.add(augment.validate());
  problems.add(normalisation.validate());
  problems.add(loss.validate());
  problems.add(validation.validate());
  return problems.take();
}

std::vector<std::string> FinetuneOptions::without_effect() const {
  std::vector<std::string> names;
  const auto add = [&](bool is_set, const char* option) {
    if (is_set && !validates()) {
      names.emplace_back(option);
    }
  };
  add(patience > 0, "patience");
  add(validation.every > 0, "validation.every");
  add(!validation.at.empty(), "validation.at");
  add(validation.max_slices > 0, "validation.max_slices");
  return names;
}

std::vector<std::string> FinetuneOptions::frozen(net::TransferScope scope) const {
  if (freeze == std::vector<std::string>{"none"}) {
    return {};
  }
  if (!freeze.empty() || !optimizer.freeze.empty()) {
    return freeze.empty() ? optimizer.freeze : freeze;
  }
  const bool published =
      scope == net::TransferScope::transformer || scope == net::TransferScope::encoder;
  return published ? std::vector<std::string>{"transformer.encoder"} : std::vector<std::string>{};
}

std::vector<data::DataOptions> FinetuneOptions::training_sources() const {
  std::vector<data::DataOptions> all{training_data()};
  all.insert(all.end(), more_data.begin(), more_data.end());
  return all;
}

data::DataOptions FinetuneOptions::training_data() const {
  data::DataOptions out = data;
  if (!images.empty()) {
    out.path.clear();
    out.images = images;
    out.masks = masks;
  }
  return out;
}

data::DataOptions FinetuneOptions::held_out_data(const core::IntensityRange& range) const {
  data::DataOptions out = validation.data;
  const data::DataOptions training = training_data();
  if (!validation_images.empty()) {
    out.path.clear();
    out.images = validation_images;
    out.masks = validation_masks;
  }
  out.labels = out.labels.empty() ? training.labels : out.labels;
  out.stored_axes = out.stored_axes.empty() ? training.stored_axes : out.stored_axes;
  out.voxel_size_nm = out.voxel_size_nm.empty() ? training.voxel_size_nm : out.voxel_size_nm;
  out.target_voxel_nm =
      out.target_voxel_nm.empty() ? training.target_voxel_nm : out.target_voxel_nm;
  out.input_range = out.input_range.empty() ? training.input_range : out.input_range;
  out.ignore_value = out.ignore_value ? out.ignore_value : training.ignore_value;
  return data::in_range(out, range);
}

}  // namespace retina::pipeline
