#include "retina/model/preprocess.h"

namespace retina::model {

at::Tensor Preprocess::normalise(const at::Tensor& pixels) const {
  const float offset = static_cast<float>(mean) * 255.F;
  const float factor = 1.F / (static_cast<float>(std) * 255.F);
  return pixels.to(at::kFloat).sub(offset).mul(factor);
}

}  // namespace retina::model
