#include "retina/model/preprocess.h"

#include <torch/types.h>

#include "retina/core/normalisation.h"

namespace retina::model {

at::Tensor Preprocess::normalise(const at::Tensor& pixels) const {
  const core::NormalisationConstants c = core::constants({.mean = mean, .std = std});
  return pixels.to(at::kFloat).sub(c.offset).mul(c.factor);
}

}  // namespace retina::model
