#pragma once

#include <torch/types.h>

#include "retina/augment/normalise.h"
#include "retina/augment/recipe.h"
#include "retina/data/batch.h"
#include "retina/data/loader.h"
#include "retina/trainer/task.h"

namespace retina::pipeline {

/// The box that the recipe's geometry reads: what a data::Loader asks for each sample.
data::ChooseBox choose_box(const augment::Recipe& recipe);

/// Augments a whole batch on `device`: the transform of a training step. Pure: equal batches give
/// equal results (CPU and CUDA agree up to rounding; the noise is the same).
trainer::TaskInputs augment_batch(const data::RawBatch& raw, const augment::Recipe& recipe,
                                  const augment::Normalisation& normalisation, at::Device device);

/// The same for image restoration: the degraded images, and what they are to become (the geometry
/// alone).
trainer::TaskInputs restoration_batch(const data::RawBatch& raw, const augment::Recipe& recipe,
                                      const augment::Normalisation& normalisation,
                                      at::Device device);

}  // namespace retina::pipeline
