#include "retina/pipeline/run/preset_recipe.h"

#include "retina/core/options.h"
#include "retina/net/network.h"
#include "retina/net/transunet_options.h"

namespace retina::pipeline {
namespace {

/// Native-scale crops, strong turns and light grey-value changes; AdamW whose rate falls to 0 over
/// the run; the mean of the weights is kept.
Json own_recipe() {
  return {{"batch", 8},
          {"steps", 1200},
          {"average_decay", 0.99},
          {"optimizer",
           {{"kind", "adamw"},
            {"learning_rate", 2e-3},
            {"weight_decay", 1e-2},
            {"decay_vectors", false},
            {"clip_norm", 1.0}}},
          {"schedule", {{"kind", "poly"}, {"power", 0.9}, {"warmup_steps", 30}}},
          {"augment",
           {{"resized_crop", false},
            {"crop_nonempty", 0.5},
            {"zoom", 1.16},
            {"rotate_probability", 1.0},
            {"beyond", "image"},
            {"intensity_unit", "std"},
            {"brightness", 0.3},
            {"contrast", 0.2},
            {"brightness_contrast_probability", 1.0},
            {"noise_probability", 0.5},
            {"noise_variance_min", 0.0},
            {"noise_variance_max", 0.01},
            {"blur_probability", 0.2},
            {"blur_limit", 3}}}};
}

/// For hours of a small machine, where the published optimiser needs hundreds of thousands of
/// steps; 224 x 224 is the size of CEM500K's patches.
Json own_pretraining() {
  return {{"network", {{"window", 224}}},
          {"batch", 32},
          {"ghost_batch", 0},
          {"epochs", 50},
          {"max_epochs", 0},
          {"checkpoint_minutes", 10},
          {"precision", "auto"},
          {"shuffle", "each_epoch"},
          {"optimizer",
           {{"kind", "adamw"},
            {"learning_rate", 1e-3},
            {"weight_decay", 0.05},
            {"decay_vectors", false},
            {"clip_norm", 1.0}}},
          {"schedule", {{"kind", "cosine"}, {"warmup_steps", 200}}},
          {"normalisation", {{"mean", nullptr}, {"std", nullptr}}},
          {"augment", {{"application", "composed"}, {"scale_min", 0.25}}}};
}

bool is_own(const std::string& preset) {
  return preset.starts_with("retina-small") || preset.starts_with("retina-tiny");
}

}  // namespace

Json preset_recipe(const std::string& preset, int channels) {
  const Json network = net::preset_network(preset, channels);
  Json recipe = is_own(preset) ? own_recipe() : Json::object();
  recipe["network"] = network;
  recipe["augment"]["size"] = network.at("window");
  return recipe;
}

Json pretraining_recipe(const std::string& preset) {
  Json recipe = is_own(preset) ? own_pretraining() : Json::object();
  Json network = net::preset_network(preset, 1);
  network["tail"] = core::enum_name(net::TransUNetTail::reconstruction);
  network["foreground_prior"] = 0;
  recipe["network"] = core::merge(std::move(network), recipe.value("network", Json::object()));
  return recipe;
}

}  // namespace retina::pipeline
