#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace retina::core {

/// From now on a mapped file that shrinks or cannot be read ends the process with exit code 3 and a
/// message that names it, instead of a crash. For programs, once at their start.
void explain_lost_mappings();

/// For MappedFile: what is mapped from where.
void remember_mapping(std::span<const std::byte> bytes, const std::filesystem::path& path);
void forget_mapping(std::span<const std::byte> bytes);

}  // namespace retina::core
