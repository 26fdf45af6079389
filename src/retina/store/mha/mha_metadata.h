#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/dtype.h"

namespace retina::store {

/// The header of a MetaImage file as written: everything for each axis is x first.
struct MhaHeader {
  core::DType dtype = core::DType::u8;
  std::vector<std::int64_t> sizes;
  std::int64_t channels = 1;  ///< stored together for each voxel
  bool is_compressed = false;
  bool is_big_endian = false;
  std::int64_t header_size = 0;  ///< bytes before the voxels in a data file; -1 = they are the last
  std::string data_file;         ///< "" = the voxels follow the header
  std::vector<double> spacing;
  std::vector<double> offset;
  std::vector<double> transform;  ///< empty = not stated
  std::string unit;               ///< of spacing and offset; "" = not stated
};

/// Parses the lines of a header, the last of which is ElementDataFile. bad_data (without the file's
/// name) if it is damaged or says something that is not read: the message says what to do.
MhaHeader parse_mha_header(std::string_view text);

/// How the axes and the space of a header are understood.
struct MhaSpace {
  std::string axes;                 ///< slowest first: "zyx", "zyxc", ...
  std::vector<std::int64_t> sides;  ///< slowest first
  std::optional<core::Vec3d> voxel_nm;
  core::Vec3d offset_nm{0, 0, 0};
  std::vector<std::string> notes;
};

/// `wanted_axes` (slowest first) is the user's word, "" = none; bad_data if the axes are ambiguous.
MhaSpace understand_mha(const MhaHeader& header, const std::string& wanted_axes);

}  // namespace retina::store
