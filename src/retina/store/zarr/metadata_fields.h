#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/store/zarr/array_metadata.h"

namespace retina::store {

/// What chunked formats do with a field whose value cannot be meant.
inline constexpr const char* kDamagedMetadata = "the metadata are damaged: get a fresh copy";

/// The bad_data error of one field of metadata, without the file's name.
Error bad_field(const std::string& field, const std::string& found, const std::string& expected,
                const std::string& remedy);

/// The member "shape" (or `field`): 2 to 5 sides, 1 or more voxels each.
Sides parse_shape(const Json& json, const char* field);

/// A list of sides, 1 or more voxels each, one for each of `rank` dimensions.
Sides parse_sides(const Json& json, const char* field, std::size_t rank);

/// The bytes of one fill value: a number, a boolean, null (zero), "NaN", "Infinity", "-Infinity",
/// or the bytes of a float as "0x7fc00000".
std::vector<std::byte> parse_fill_value(const Json& json, core::DType dtype);

/// bad_data if a chunk takes more than 2 GiB, a shard has more than 4 million chunks, or the array
/// more voxels than 64 bits count.
void require_sane_grid(const ZarrMetadata& metadata);

}  // namespace retina::store
