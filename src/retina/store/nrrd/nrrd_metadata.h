#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/dtype.h"

namespace retina::store {

enum class NrrdEncoding { raw, gzip };

/// The header of an NRRD file as written: everything for each axis is fastest first.
struct NrrdHeader {
  core::DType dtype = core::DType::u8;
  NrrdEncoding encoding = NrrdEncoding::raw;
  bool is_big_endian = false;
  std::vector<std::int64_t> sizes;
  std::string data_file;  ///< "" = the voxels follow the header
  std::int64_t line_skip = 0;
  std::int64_t byte_skip = 0;  ///< -1 = the voxels are the last bytes of the file
  std::vector<std::string> kinds;
  std::vector<std::string> labels;
  std::vector<std::optional<double>> spacings;  ///< empty ones for what is no finite number
  std::vector<std::string> units;
  std::vector<std::vector<double>> directions;  ///< an empty one for "none"
  std::vector<std::string> space_units;
  std::vector<double> origin;
};

/// Parses the text of a header (up to the empty line). bad_data (without the file's name) if it is
/// damaged or says something that is not read: the message says what to do.
NrrdHeader parse_nrrd_header(std::string_view text);

/// How the axes and the space of a header are understood.
struct NrrdSpace {
  std::string axes;  ///< slowest first: "zyx", "zyxc", ...
  std::optional<core::Vec3d> voxel_nm;
  core::Vec3d offset_nm{0, 0, 0};
  std::vector<std::string> notes;
};

/// `wanted_axes` (slowest first) is the user's word, "" = none; bad_data if the axes are ambiguous.
NrrdSpace understand_nrrd(const NrrdHeader& header, const std::string& wanted_axes);

/// The header of a raw NRRD file with axes zyx or czyx, up to and with the empty line.
std::string nrrd_header_text(core::DType dtype, int channels, const core::Vec3& shape,
                             const std::optional<core::Vec3d>& voxel_nm,
                             const core::Vec3d& offset_nm);

}  // namespace retina::store
