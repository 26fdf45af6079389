#pragma once

#include <cstdint>
#include <span>

#include "retina/core/array.h"

namespace retina::metric {

/// Copies labels first .. first + out.size() - 1 (C order) of a one-channel array of any integer
/// type. uint64 values from 2^63 on wrap: the CREMI marks 2^64-1 (background) and 2^64-2 (invalid)
/// read as -1 and -2. bad_data for another type or several channels.
void read_labels(const core::Array& labels, std::int64_t first, std::span<std::int64_t> out);

/// uint8 mask of the voxels whose label is `class_id`.
core::Array class_mask(const core::Array& labels, std::int64_t class_id);

/// Sets mask voxels to 0 where the label is `value` (ignored or invalid voxels).
void clear_where(core::Array& mask, const core::Array& labels, std::int64_t value);

/// Number of non-zero voxels of a uint8 mask.
std::int64_t count_voxels(const core::Array& mask);

/// bad_data that names both shapes unless they are equal.
void require_equal_shapes(const core::Array& prediction, const core::Array& truth);

}  // namespace retina::metric
