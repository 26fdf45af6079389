#pragma once

#include <filesystem>
#include <string>

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

/// Strict: bad_data that lists all missing, unexpected and misshapen names together. The
/// names are taken as by plain_names(). `source` names the file in messages.
void load_state_dict(torch::nn::Module& module, const tensor::NamedTensors& state,
                     const std::string& source);

/// `state` with the position table fitted to a grid of side x side tokens: resampled bilinearly,
/// corners on corners. Unchanged where there is no table or it fits
/// already. An extension: the published network has one window.
tensor::NamedTensors with_grid(tensor::NamedTensors state, std::int64_t side);

}  // namespace retina::net
