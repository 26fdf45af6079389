#include "retina/augment/coarse_dropout.h"

namespace retina::augment {

void blacken(const at::Tensor& image_YX, const std::vector<Crop>& holes) {
  for (const Crop& hole : holes) {
    image_YX.narrow(0, hole.y, hole.height).narrow(1, hole.x, hole.width).zero_();
  }
}

at::Tensor coarse_dropout(const at::Tensor& image_YX, const std::vector<Crop>& holes) {
  at::Tensor out = image_YX.clone();
  blacken(out, holes);
  return out;
}

}  // namespace retina::augment
