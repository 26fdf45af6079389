#pragma once

#include <string>

#include "retina/tensor/safetensors.h"

namespace retina::net {

/// True for the arrays of Google's ImageNet-21k `R50+ViT-B_16.npz`.
bool is_imagenet_state(const tensor::NamedTensors& arrays);

/// Those arrays as the `transformer.*` tensors of a TransUNet (retina.md section 7): kernels
/// transposed, heads joined, the class token dropped where the positions have one, the head
/// ignored. The position table keeps its grid; transfer_weights() resamples it. bad_data listing
/// everything that is missing or misshapen; `source` names the file.
tensor::NamedTensors imagenet_weights(const tensor::NamedTensors& arrays,
                                      const std::string& source);

}  // namespace retina::net
