#pragma once

#include <string>

#include "retina/core/json.h"

namespace retina::pipeline {

/// What a preset's training changes in the defaults of FinetuneOptions, as configuration that the
/// user's is overlaid on; the network included (for `channels` output maps). retina and
/// retina-imagenet train as published (retina.md section 3); retina-small and retina-tiny are ours.
/// usage error for an unknown preset.
Json preset_recipe(const std::string& preset, int channels);

/// What a preset's pre-training changes in the defaults of PretrainOptions, which are the published
/// procedure (retina.md section 2). Presets of our own take what is faster: one resample, bf16
/// where the device is fast at it, and a new order in each epoch.
Json pretraining_recipe(const std::string& preset);

}  // namespace retina::pipeline
