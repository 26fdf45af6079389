#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/error.h"
#include "retina/net/network.h"
#include "retina/tensor/safetensors.h"

namespace retina::net {

/// Parameters and buffers in registration order, CPU, detached (copies).
tensor::NamedTensors state_dict(const torch::nn::Module& module);

/// `state` without what wrappers leave before every name, one within the other: "module." of
/// parallel training, "_orig_mod." of torch.compile.
tensor::NamedTensors plain_names(tensor::NamedTensors state);

/// Sides of a tensor for messages: "[3, 4]".
std::string shape_text(const at::Tensor& tensor);

/// A value for the parameter or buffer of a name.
struct WeightCopy {
  std::string name;
  at::Tensor target;
  at::Tensor value;
};

/// Copies all values, or none: bad_data for integers that are to become floating-point numbers,
/// for `misfits`, which are those of another network and have the remedy `misfit_remedy`, and for
/// values that are not finite. All weights that are loaded pass here; `source` names the file.
void copy_weights(const std::vector<WeightCopy>& copies, const std::vector<Problem>& misfits,
                  const std::string& source, std::string_view misfit_remedy);

/// Strict: bad_data that lists all missing, unexpected and misshapen names together, and
/// what copy_weights() refuses. The names are taken as by plain_names(). `source` names the file in
/// messages.
void load_state_dict(torch::nn::Module& module, const tensor::NamedTensors& state,
                     const std::string& source);

/// `state` with the position table fitted to a grid of side x side tokens: resampled bilinearly,
/// corners on corners. Unchanged where there is no table, it fits
/// already, or it holds integers. An extension: the published network has one window.
tensor::NamedTensors with_grid(tensor::NamedTensors state, std::int64_t side);

}  // namespace retina::net
