#pragma once

#include <memory>
#include <utility>

#include "retina/core/array.h"
#include "retina/core/volume.h"
#include "retina/pipeline/evaluate/label_pairs.h"

namespace retina::pipeline {

enum class Rank { plane, volume };

inline std::shared_ptr<const core::Volume> as_volume(core::Array labels, Rank rank) {
  core::VolumeInfo info;
  info.source = "memory";
  info.axes = rank == Rank::plane ? "yx" : "zyx";
  info.dtype = labels.dtype();
  info.shape = labels.shape();
  return std::make_shared<core::ArrayVolume>(info, std::move(labels));
}

inline LabelPair memory_pair(const core::Array& prediction, const core::Array& truth,
                             Rank rank = Rank::volume) {
  return {"image", [=] { return as_volume(prediction, rank); },
          [=] { return as_volume(truth, rank); }};
}

}  // namespace retina::pipeline
