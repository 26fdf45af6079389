#pragma once

#include <torch/types.h>

#include "retina/core/array.h"

namespace retina::tensor {

/// A tensor of shape [c,z,y,x] that shares the array's memory (the array must outlive it).
/// u16/u32/u64 are not torch arithmetic types: convert() them first (internal error here).
at::Tensor view_CZYX(core::Array& array);
/// A copy of a [c,z,y,x], [z,y,x] or [y,x] tensor (any device) as an array.
core::Array to_array(const at::Tensor& tensor);

}  // namespace retina::tensor
