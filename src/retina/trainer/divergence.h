#pragma once

#include <cstdint>

#include <torch/nn.h>

#include "retina/core/json.h"
#include "retina/trainer/weight_average.h"

/// A training that has diverged: bad_data, with the remedy.
namespace retina::trainer {

/// `figures`: those of Meters, after `step` steps; without a loss there is nothing to refuse.
void require_finite_loss(const Json& figures, std::int64_t step);

/// The figures are of the weights before the last step: they do not show that it spoilt them. Looks
/// at running statistics too, and at those of `average`, which may be null; the first that is
/// infinite or not a number is named.
void require_finite_weights(const torch::nn::Module& network, const WeightAverage* average,
                            std::int64_t step);

}  // namespace retina::trainer
