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
/// procedure (retina.md section 2); its network included, with the tail that restores images.
/// Presets of our own are for small machines: AdamW, small batches, fewer epochs, one resample,
/// bf16 where the device is fast at it.
Json pretraining_recipe(const std::string& preset);

}  // namespace retina::pipeline
