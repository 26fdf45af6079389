#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "retina/tensor/safetensors.h"

namespace retina::tensor {

/// Reads a .npz of numpy.savez: every member NAME.npy is a tensor NAME. Little-endian numbers in C
/// order; bad_data naming the member for all else (Python objects, compression).
NamedTensors read_npz(const std::filesystem::path& path);
/// The shapes of its arrays by their names; the numbers are not read.
std::map<std::string, std::vector<std::int64_t>> read_npz_shapes(const std::filesystem::path& path);
/// The same from bytes in memory; `name` is used in messages.
NamedTensors parse_npz(std::span<const std::byte> bytes, const std::string& name);

}  // namespace retina::tensor
