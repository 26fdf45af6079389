#pragma once

#include <torch/types.h>

#include "retina/augment/normalise.h"
#include "retina/augment/recipe.h"
#include "retina/data/batch.h"
#include "retina/data/loader.h"
#include "retina/pipeline/run/training_options.h"
#include "retina/trainer/ranks.h"
#include "retina/trainer/task.h"

namespace retina::pipeline {

/// The box that the recipe's geometry reads: what a data::Loader asks for each sample.
data::ChooseBox choose_box(const augment::Recipe& recipe);

/// What this process reads of every batch: `loader` with its rank's share of the batch, and the
/// seed, shuffle and threads of the run.
data::LoaderOptions share_of_batch(data::LoaderOptions loader, const TrainingOptions& options,
                                   const trainer::Ranks& ranks);

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
