#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace retina::tensor {

/// Of the number before the header that says how long it is.
inline constexpr std::size_t kLengthBytes = 8;

/// An element type of the format: its name there and its size.
struct StoredType {
  std::string_view name;
  std::size_t bytes;
};

/// One tensor as the header states it; offsets are relative to the first data byte.
struct StoredTensor {
  std::string name;
  const StoredType* type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

/// A checked safetensors file: what lies where in it.
struct SafetensorsHeader {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::span<const std::byte> data;  ///< of the bytes given
};

constexpr const char* kMetadataKey = "__metadata__";

/// Reads and checks the header against the data: the data of all tensors cover the file's data
/// exactly once, sizes fit 63 bits, truth values are 0 or 1. bad_data naming `file` otherwise.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> bytes,
                                           const std::string& file);

}  // namespace retina::tensor
