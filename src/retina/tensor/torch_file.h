#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "retina/tensor/safetensors.h"

namespace retina::tensor {

/// Reads the tensors of a .pt or .pth file that Python torch wrote (a zip archive with a pickle in
/// it): a flat dictionary of tensors, or a checkpoint that holds one under "state_dict",
/// "model_state_dict" or "model", or as its only dictionary of more tensors than lie beside it.
/// Views of shared memory become tensors of their own; all together may be a few times as large as
/// the file. Only the few pickle instructions and names that such a dictionary needs are known; any
/// other is refused by name, and nothing is ever executed. bad_data for all else, for files of
/// torch before 1.6 with the command that converts them.
NamedTensors read_torch_file(const std::filesystem::path& path);
/// The same from bytes in memory; `name` is used in messages.
NamedTensors parse_torch_file(std::span<const std::byte> bytes, const std::string& name);

/// Writes a file that torch.load(weights_only=True) reads as an OrderedDict; atomically.
void write_torch_file(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace retina::tensor
