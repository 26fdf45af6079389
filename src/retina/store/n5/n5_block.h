#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "retina/store/n5/n5_metadata.h"

namespace retina::store {

/// The values of one file of an N5 dataset, in the machine's byte order, padded with zeros to a
/// whole block (blocks at the border are stored cut). bad_data (without the file's name) if it is
/// damaged, claims to be larger than a block, or holds objects instead of numbers.
std::vector<std::byte> decode_n5_block(std::span<const std::byte> file, const N5Metadata& metadata);

}  // namespace retina::store
