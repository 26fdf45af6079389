#include "retina/augment/flip.h"

#include "retina/tensor/upload.h"

namespace retina::augment {

at::Tensor flip(const at::Tensor& images_NYX, const Flips& flips) {
  const auto chosen = [&](const std::vector<int>& flags) {
    return tensor::upload(at::tensor(flags, at::kInt).to(at::kBool), images_NYX.device())
        .view({-1, 1, 1});
  };
  const at::Tensor columns_NYX = at::where(chosen(flips.columns), images_NYX.flip(2), images_NYX);
  return at::where(chosen(flips.rows), columns_NYX.flip(1), columns_NYX);
}

}  // namespace retina::augment
