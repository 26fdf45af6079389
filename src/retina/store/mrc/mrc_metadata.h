#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/store/flat_file.h"

namespace retina::store {

constexpr std::size_t kMrcHeaderBytes = 1024;

/// What the header of an MRC file says, in this project's axes and units.
struct MrcMetadata {
  FlatLayout layout;  ///< where the values lie behind the header and the extended header
  std::optional<core::Vec3d> voxel_nm;  ///< from the cell, Angstrom in the file
  core::Vec3d offset_nm{0, 0, 0};       ///< from the origin, or from nxstart, nystart, nzstart
  std::vector<std::string> notes;
};

/// True if the bytes are an MRC2014 or CCP4 header: they hold the word "MAP".
bool has_map_word(std::span<const std::byte> header);

/// True if sizes, mode and axes of the header make sense in one of the two byte orders.
bool is_plausible_mrc(std::span<const std::byte> header);

/// Reads the first kMrcHeaderBytes of `file`. bad_data naming the file for a damaged header and for
/// kinds of values that are not read (complex, 16-bit float, 4-bit, colour). The byte order is the
/// machine stamp's, or, where the stamp is missing or wrong, the one in which the header makes
/// sense. Bytes of mode 0 are signed unless the file says otherwise; the reason is a note.
MrcMetadata parse_mrc_header(const std::filesystem::path& file, std::span<const std::byte> header);

}  // namespace retina::store
