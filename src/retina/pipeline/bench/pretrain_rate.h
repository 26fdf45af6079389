#pragma once

#include <cstdint>
#include <string>

#include "retina/core/json.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

struct PretrainRateOptions {
  std::string preset = "retina";
  std::string device = "auto";
  int threads = 0;
  std::int64_t batch = 8;
  double seconds = 5;             ///< of the steps that count, about
  Json network = Json::object();  ///< what the network has other than the preset's
};

/// Images per second of `retina pretrain` itself, a step at a time (the median): reading random
/// uint8 planes of the network's window from a pack, the published augmentation in one resample,
/// both passes and the update in bf16 where the device is fast at it, and a line of the log for
/// every step. Checkpoints and pictures are left to the end of the run, which does not count.
double pretrain_rate(const PretrainRateOptions& options, const core::Context& context);

}  // namespace retina::pipeline
