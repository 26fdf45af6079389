#include "retina/pipeline/finetune/published_config.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"

namespace retina::pipeline {
namespace {

using Convert = std::function<void(Json& config, const Json& value)>;

/// Keys that the authors' trainer never reads, or that have a fixed effect there (retina.md 1.6).
constexpr const char* kUnread[] = {
    "mlp_ratio",          "optim", "wd",      "lr_policy", "power",
    "momentum",           "jobs",  "encoder", "resume",    "finetune_layer",
    "unfreeze_encoder_bn"};

template <class T>
T read(const Json& value, const char* key) {
  T out{};
  core::from_json_value(out, value, key);
  return out;
}

/// The value of a key; null where it is absent or left blank.
Json value_of(const Json& yaml, const char* key) {
  const auto it = yaml.find(key);
  return it == yaml.end() ? Json() : *it;
}

/// num_classes counts the maps of the network: 1, or one for each class and the background
/// (retina.md 3.2, column c).
void set_classes(PublishedConfig& out, const Json& yaml) {
  const Json number = value_of(yaml, "num_classes");
  const Json listed = value_of(yaml, "class_names");
  std::vector<std::string> names;
  if (!listed.is_null()) {
    names = read<std::vector<std::string>>(listed, "class_names");
  }
  if (names.size() > 1) {
    names.erase(names.begin());  // the background; a single class is listed without it
  }
  if (!number.is_null()) {
    const auto maps = read<std::int64_t>(number, "num_classes");
    const auto foreground = static_cast<std::size_t>(std::clamp<std::int64_t>(maps - 1, 1, 254));
    if (names.empty() && maps > 1) {
      for (std::size_t id = 1; id <= foreground; ++id) {
        names.push_back(fmt::format("class{}", id));
      }
      out.warnings.push_back(
          fmt::format("class_names is missing: {} maps are the background and {}", maps,
                      fmt::join(names, ", ")));
    }
    if (!names.empty() && names.size() != foreground) {
      throw Error(
          ErrorKind::usage,
          Problem{.subject = "num_classes",
                  .found = fmt::format("{}, with class_names for {} class(es)", maps, names.size()),
                  .expected = "1 for one class, else one more than classes: the background",
                  .remedy = "correct either"});
    }
    if (maps == 2) {
      out.warnings.push_back("num_classes 2: one class is one map with a sigmoid here, not two");
    }
  }
  if (!names.empty()) {
    out.config["classes"] = names;
  }
}

/// An entry of `augmentations`: {aug: NAME, parameters...}. Each is a draw with probability p, by
/// default 0.5 (albumentations) except for padding and crops.
void add_augmentation(Json& recipe, const Json& entry) {
  const std::string name = entry.value("aug", "");
  const double p = entry.value("p", 0.5);
  if (name == "CropNonEmptyMaskIfExists") {
    recipe["crop_nonempty"] = entry.value("p", 1.0);
  } else if (name == "RandomResizedCrop") {
    recipe["resized_crop"] = true;
    recipe["size"] = entry.value("height", 224);
    const Json scale = entry.value("scale", Json{0.08, 1.0});
    const Json ratio = entry.value("ratio", Json{0.75, 4.0 / 3});
    recipe["scale_min"] = scale.at(0);
    recipe["scale_max"] = scale.at(1);
    recipe["ratio_min"] = ratio.at(0);
    recipe["ratio_max"] = ratio.at(1);
  } else if (name == "Rotate") {
    recipe["rotate_probability"] = p;
    recipe["rotate_limit"] = entry.value("limit", 90);
  } else if (name == "RandomBrightnessContrast") {
    recipe["brightness_contrast_probability"] = p;
    recipe["brightness"] = entry.value("brightness_limit", 0.2);
    recipe["contrast"] = entry.value("contrast_limit", 0.2);
  } else if (name == "GaussNoise") {
    recipe["noise_probability"] = p;
    const Json variance = entry.value("var_limit", Json{10.0, 50.0});
    recipe["noise_variance_min"] = variance.at(0);
    recipe["noise_variance_max"] = variance.at(1);
  } else if (name == "GaussianBlur") {
    recipe["blur_probability"] = p;
    recipe["blur_limit"] = entry.value("blur_limit", 7);
  } else if (name == "HorizontalFlip" || name == "VerticalFlip") {
    recipe["flip_probability"] = p;
  } else if (name != "PadIfNeeded") {  // always done
    throw Error(ErrorKind::usage, Problem{.subject = "augmentations",
                                          .found = "'" + name + "'",
                                          .expected = "an augmentation of the published method",
                                          .remedy = "remove it"});
  }
}

void set_augmentations(Json& config, const Json& value) {
  Json& recipe = config["augment"];
  recipe = {{"resized_crop", false},
            {"rotate_probability", 0.0},
            {"brightness_contrast_probability", 0.0},
            {"flip_probability", 0.0}};
  for (const Json& entry : value) {
    add_augmentation(recipe, entry);
  }
}

/// Both flips have one probability here.
void warn_of_flips(PublishedConfig& out, const Json& augmentations) {
  std::map<std::string, double> flips;
  for (const Json& entry : augmentations) {
    const std::string name = entry.value("aug", "");
    if (name == "HorizontalFlip" || name == "VerticalFlip") {
      flips[name] = entry.value("p", 0.5);
    }
  }
  const bool is_alone = flips.size() == 1;
  if (is_alone || (flips.size() == 2 && flips["HorizontalFlip"] != flips["VerticalFlip"])) {
    out.warnings.push_back(fmt::format(
        "augmentations: {} cannot be had here: both flips are drawn, each with p {}",
        is_alone ? flips.begin()->first + " alone" : "HorizontalFlip and VerticalFlip of unequal p",
        out.config["augment"]["flip_probability"].get<double>()));
  }
}

void set_text(Json& config, const char* section, const char* key, const Json& value) {
  const auto text = read<std::string>(value, key);
  if (!text.empty()) {
    (section == nullptr ? config : config[section])[key] = text;
  }
}

/// What becomes of keys that have a value.
const std::map<std::string, Convert>& conversions() {
  static const std::map<std::string, Convert> kTable{
      {"class_weights", [](Json& c, const Json& v) { c["loss"]["class_weights"] = v; }},
      {"data_dir", [](Json& c, const Json& v) { set_text(c, "data", "path", v); }},
      {"model_dir", [](Json& c, const Json& v) { set_text(c, nullptr, "output", v); }},
      {"norms", [](Json& c, const Json& v) { c["normalisation"] = v; }},
      {"save_interval", [](Json& c, const Json& v) { c["checkpoint_every"] = v; }},
      {"bsz", [](Json& c, const Json& v) { c["batch"] = v; }},
      {"transformer_layer", [](Json& c, const Json& v) { c["network"]["layers"] = v; }},
      {"lr", [](Json& c, const Json& v) { c["optimizer"]["learning_rate"] = v; }},
      {"iters", [](Json& c, const Json& v) { c["steps"] = v; }},
      {"augmentations", set_augmentations}};
  return kTable;
}

/// Keys that are looked at together.
constexpr const char* kTogether[] = {"pretrain", "pretrain_file", "num_classes", "class_names",
                                     "num_prints"};

void convert(Json& config, const std::string& key, const Json& value, const Convert& conversion) {
  try {
    conversion(config, value);
  } catch (const Json::exception&) {  // a value of another kind than the trainer reads
    throw Error(ErrorKind::usage, Problem{.subject = key,
                                          .found = core::dump_json(value),
                                          .expected = "a value as in the published configurations",
                                          .remedy = "correct it, or remove it"});
  }
}

/// pretrain / pretrain_file: which network, which weights, what is frozen (retina.md 3.1).
void set_pretraining(PublishedConfig& out, const Json& yaml) {
  const Json kind = yaml.value("pretrain", Json(false));
  const bool wide = kind == "imagenet" || kind == "incem";
  out.config["preset"] = wide ? "retina-imagenet" : "retina";
  if (!wide && kind != Json(true)) {
    return;
  }
  const Json file = yaml.value("pretrain_file", Json(""));
  if (file.is_string() && !file.get<std::string>().empty()) {
    out.config["init"] = file;
    out.config["transfer"] = "transformer";
    out.config["freeze"] = {"transformer.encoder"};
  } else {
    out.warnings.push_back("pretrain is ignored: pretrain_file names no weights to start from");
  }
}

void set_log_interval(PublishedConfig& out, const Json& yaml) {
  const Json number = value_of(yaml, "num_prints");
  if (number.is_null()) {
    return;
  }
  const auto prints = std::max<std::int64_t>(1, read<std::int64_t>(number, "num_prints"));
  const Json iterations = value_of(yaml, "iters");
  const auto steps = iterations.is_null() ? prints : read<std::int64_t>(iterations, "iters");
  out.config["log_every"] = std::max<std::int64_t>(1, steps / prints);
}

bool holds(const auto& keys, const std::string& key) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

}  // namespace

bool is_published_config(const Json& yaml) {
  const auto has = [&](const char* key) { return yaml.is_object() && yaml.contains(key); };
  return has("iters") || has("bsz") || has("num_classes") || has("data_dir");
}

PublishedConfig from_published_config(const Json& yaml) {
  PublishedConfig out{.config = Json::object(), .warnings = {}};
  set_pretraining(out, yaml);
  set_classes(out, yaml);
  set_log_interval(out, yaml);
  for (const auto& [key, value] : yaml.items()) {
    const auto known = conversions().find(key);
    if (known != conversions().end()) {
      if (!value.is_null()) {
        convert(out.config, key, value, known->second);
      }
    } else if (!holds(kTogether, key)) {
      out.warnings.push_back(
          fmt::format("{} is ignored: {}", key,
                      holds(kUnread, key)
                          ? "the published trainer never reads it (it trains with SGD, momentum "
                            "0.9, weight decay 1e-4, poly 0.9)"
                          : "it has no meaning for this verb"));
    }
  }
  if (const Json augmentations = value_of(yaml, "augmentations"); !augmentations.is_null()) {
    warn_of_flips(out, augmentations);
  }
  return out;
}

}  // namespace retina::pipeline
