#include "retina/augment/coarse_dropout.h"

namespace retina::augment {

at::Tensor coarse_dropout(const at::Tensor& image_YX, const std::vector<Crop>& holes) {
  at::Tensor out = image_YX.clone();
  for (const Crop& hole : holes) {
    out.narrow(0, hole.y, hole.height).narrow(1, hole.x, hole.width).zero_();
  }
  return out;
}

}  // namespace retina::augment
