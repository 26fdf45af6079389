#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/engine/predictor.h"
#include "retina/model/card.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/held_out_validator.h"

namespace retina::pipeline {

/// The held-out slices of a finished run, one by one, beside what its model says of them.
class HeldOutSlices {
 public:
  /// `run`: options of a run whose output is there.
  HeldOutSlices(const FinetuneOptions& run, const core::Context& context);

  std::size_t count() const { return slices_.size(); }
  const data::Slice& slice(std::size_t index) const { return slices_.at(index); }
  /// Size of its voxels in nm, z, y, x, where the file tells it.
  std::optional<core::Vec3d> voxel_nm(std::size_t index) const;
  SliceSample predicted(std::size_t index);
  const model::Card& card() const { return card_; }
  at::Device device() const { return predictor_->device(); }

 private:
  data::Dataset dataset_;
  std::vector<data::Slice> slices_;
  std::unique_ptr<engine::PlanePredictor> predictor_;
  model::Card card_;
};

}  // namespace retina::pipeline
