#include "retina/loss/restoration_loss.h"

#include <ATen/ATen.h>

#include "retina/core/error.h"

namespace retina::loss {

at::Tensor restoration_loss(const at::Tensor& output_NCYX, const at::Tensor& target_NCYX) {
  if (output_NCYX.sizes() != target_NCYX.sizes()) {
    throw Error(ErrorKind::internal, "restoration_loss: output and target differ in shape");
  }
  const at::ScalarType type = output_NCYX.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return at::mse_loss(output_NCYX.to(type), target_NCYX.to(type));
}

}  // namespace retina::loss
