#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace retina::tensor {

/// Named tensors in the order they were written, plus the free-form metadata of the file.
struct NamedTensors {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, std::string> metadata;

  /// nullptr if there is none of this name.
  const at::Tensor* find(const std::string& name) const;
  /// bad_data that names the missing tensor.
  const at::Tensor& at(const std::string& name) const;
};

/// Reads a .safetensors file (CPU tensors, copied). Every defect of the header is one bad_data
/// error that names it.
NamedTensors read_safetensors(const std::filesystem::path& path);
/// Its free-form metadata alone; the tensors are checked as far as the header tells.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);
/// The same as read_safetensors() from bytes in memory; `name` is used in messages.
NamedTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name);
/// Writes atomically; tensors are made contiguous CPU copies.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors);

}  // namespace retina::tensor
