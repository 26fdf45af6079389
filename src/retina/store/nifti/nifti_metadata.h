#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/store/flat_file.h"

namespace retina::store {

constexpr std::size_t kNifti1HeaderBytes = 348;
constexpr std::size_t kNifti2HeaderBytes = 540;

/// value = slope * stored + intercept
struct NiftiScaling {
  double slope = 1;
  double intercept = 0;
};

/// What a NIfTI or Analyze header says, in this project's axes and units.
struct NiftiMetadata {
  std::string format;                   ///< "nifti-1", "nifti-2", "analyze 7.5"
  std::filesystem::path data;           ///< the file that holds the values, perhaps compressed
  FlatLayout layout;                    ///< of the values in the uncompressed file
  std::optional<NiftiScaling> scaling;  ///< absent = values as stored
  std::optional<core::Vec3d> voxel_nm;  ///< from pixdim and xyzt_units
  core::Vec3d offset_nm{0, 0, 0};       ///< from sform or qform, if they keep the axes
  std::vector<std::string> notes;
};

/// Size of the header that begins with `start` (4 bytes or more); 0 if none does.
std::size_t nifti_header_bytes(std::span<const std::byte> start);

/// True if the bytes are a header whose count of dimensions makes sense.
bool is_plausible_nifti(std::span<const std::byte> header);

/// Understands the header of `file`. `axes` = "czyx" reads the one dimension beyond x, y, z as
/// channels; without it all of them must have length 1. bad_data naming the file for a damaged
/// header and for kinds of values that are not read (complex, colour, bits, 128-bit floats).
NiftiMetadata parse_nifti_header(const std::filesystem::path& file,
                                 std::span<const std::byte> header, const std::string& axes);

}  // namespace retina::store
