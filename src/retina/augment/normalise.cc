#include "retina/augment/normalise.h"

namespace retina::augment {

at::Tensor normalise(const at::Tensor& pixels, const Normalisation& normalisation) {
  const NormalisationConstants c = constants(normalisation);
  return (pixels.to(at::kFloat) - c.offset) * c.factor;
}

}  // namespace retina::augment
