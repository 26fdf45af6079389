#pragma once

#include <memory>
#include <utility>

#include "retina/core/volume.h"
#include "retina/engine/volume_predictor.h"

namespace retina::pipeline {

/// The class ids of uint8 probabilities, decided where they are read.
class DecidedVolume final : public core::Volume {
 public:
  DecidedVolume(std::shared_ptr<const core::Volume> probabilities, double threshold)
      : Volume(labels_info(probabilities->info())),
        probabilities_(std::move(probabilities)),
        threshold_(threshold) {}

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return engine::decide_quantised(probabilities_->read(box), threshold_);
  }

 private:
  static core::VolumeInfo labels_info(core::VolumeInfo info) {
    info.channels = 1;
    info.axes = "zyx";
    return info;
  }

  std::shared_ptr<const core::Volume> probabilities_;
  double threshold_;
};

}  // namespace retina::pipeline
