#include "retina/store/nifti/nifti_metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nifti2_io.h>

#include "retina/store/problem.h"
#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr int kNiftiDigits = 6;  // of the float32 numbers in the header
constexpr std::int64_t kMaxSide = std::int64_t{1} << 40;
constexpr std::size_t kVoxOffset = 108;  // of NIfTI-1
constexpr std::size_t kDimensions = 40;
constexpr std::size_t kDimensions2 = 16;  // of NIfTI-2
constexpr std::size_t kType = 70;
constexpr std::size_t kType2 = 12;
constexpr std::size_t kPixdim = 76;
constexpr std::size_t kPixdim2 = 104;

struct NiftiType {
  int code;
  std::optional<core::DType> dtype;  ///< absent = not read
  std::string_view name;
};

constexpr std::array<NiftiType, 17> kTypes{{{DT_UINT8, core::DType::u8, "uint8"},
                                            {DT_INT16, core::DType::i16, "int16"},
                                            {DT_INT32, core::DType::i32, "int32"},
                                            {DT_FLOAT32, core::DType::f32, "float32"},
                                            {DT_FLOAT64, core::DType::f64, "float64"},
                                            {DT_INT8, core::DType::i8, "int8"},
                                            {DT_UINT16, core::DType::u16, "uint16"},
                                            {DT_UINT32, core::DType::u32, "uint32"},
                                            {DT_INT64, core::DType::i64, "int64"},
                                            {DT_UINT64, core::DType::u64, "uint64"},
                                            {DT_BINARY, std::nullopt, "single bits"},
                                            {DT_COMPLEX64, std::nullopt, "complex values"},
                                            {DT_COMPLEX128, std::nullopt, "complex values"},
                                            {DT_COMPLEX256, std::nullopt, "complex values"},
                                            {DT_FLOAT128, std::nullopt, "128-bit floats"},
                                            {DT_RGB24, std::nullopt, "RGB colour"},
                                            {DT_RGBA32, std::nullopt, "RGBA colour"}}};

using NiftiImage = std::unique_ptr<nifti_image, decltype(&nifti_image_free)>;

template <class T>
T value_at(std::span<const std::byte> bytes, std::size_t at, std::endian order) {
  std::array<std::byte, sizeof(T)> value{};
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), value.size(), value.begin());
  if (order != std::endian::native) {
    std::reverse(value.begin(), value.end());
  }
  return std::bit_cast<T>(value);
}

/// Byte order of a header, by its size, which it states first.
std::optional<std::endian> order_of(std::span<const std::byte> start) {
  for (const std::endian order : {std::endian::little, std::endian::big}) {
    const auto size = start.size() < 4 ? 0 : value_at<std::int32_t>(start, 0, order);
    if (size == static_cast<std::int32_t>(kNifti1HeaderBytes) ||
        size == static_cast<std::int32_t>(kNifti2HeaderBytes)) {
      return order;
    }
  }
  return std::nullopt;
}

/// dim[i] of the header: their count, then the sides.
std::int64_t dimension(std::span<const std::byte> header, std::size_t i, std::endian order) {
  return nifti_header_bytes(header) == kNifti2HeaderBytes
             ? value_at<std::int64_t>(header, kDimensions2 + 8 * i, order)
             : value_at<std::int16_t>(header, kDimensions + 2 * i, order);
}

/// pixdim z, y, x as stored: the library makes 1 of what is 0 or no number.
core::Vec3d stored_pixdim(std::span<const std::byte> header) {
  const std::endian order = *order_of(header);
  core::Vec3d zyx{};
  for (std::size_t i = 0; i < 3; ++i) {
    zyx[i] = header.size() == kNifti2HeaderBytes
                 ? value_at<double>(header, kPixdim2 + 8 * (3 - i), order)
                 : value_at<float>(header, kPixdim + 4 * (3 - i), order);
  }
  return zyx;
}

core::DType nifti_value_type(const fs::path& file, std::span<const std::byte> header) {
  const std::size_t at = header.size() == kNifti2HeaderBytes ? kType2 : kType;
  const int code = value_at<std::int16_t>(header, at, *order_of(header));
  const auto found = std::find_if(kTypes.begin(), kTypes.end(),
                                  [&](const NiftiType& type) { return type.code == code; });
  if (found == kTypes.end() || !found->dtype) {
    throw bad_file(
        file,
        found == kTypes.end() ? fmt::format("values of type {}", code) : std::string(found->name),
        "(u)int8 to (u)int64, float32 or float64", "convert the image to one of these");
  }
  return *found->dtype;
}

/// Refuses here what the library would print to the terminal.
void require_sane_header(const fs::path& file, std::span<const std::byte> header) {
  const std::endian order = *order_of(header);
  const std::int64_t count = dimension(header, 0, order);
  for (std::size_t i = 1; std::cmp_less_equal(i, count); ++i) {
    const std::int64_t side = dimension(header, i, order);
    if (side < 1 || side > kMaxSide) {
      throw bad_file(file, fmt::format("{} voxels along dimension {}", side, i), "1 voxel or more",
                     "the file is damaged: get a fresh copy");
    }
  }
  if (header.size() == kNifti1HeaderBytes) {
    const float offset = value_at<float>(header, kVoxOffset, order);
    if (!(offset >= 0 && offset < 0x1p31F)) {
      throw bad_file(file, fmt::format("values from byte {} on", offset), "a place in the file",
                     "the file is damaged: get a fresh copy");
    }
  }
}

/// The library's understanding of the header; it may be null.
NiftiImage convert_header(const fs::path& file, std::span<const std::byte> header) {
  nifti_set_debug_level(0);  // it would print to the terminal
  if (header.size() == kNifti2HeaderBytes) {
    nifti_2_header raw;
    static_assert(sizeof raw == kNifti2HeaderBytes);
    std::memcpy(&raw, header.data(), sizeof raw);
    return {nifti_convert_n2hdr2nim(raw, file.c_str()), nifti_image_free};
  }
  nifti_1_header raw;
  static_assert(sizeof raw == kNifti1HeaderBytes);
  std::memcpy(&raw, header.data(), sizeof raw);
  return {nifti_convert_n1hdr2nim(raw, file.c_str()), nifti_image_free};
}

NiftiImage parse_with_library(const fs::path& file, std::span<const std::byte> header) {
  NiftiImage image = convert_header(file, header);
  if (!image) {
    throw bad_file(file, "a header without sense",
                   "1 to 7 dimensions of at least one voxel and a known type of values",
                   "the file is damaged: get a fresh copy");
  }
  if (image->iname == nullptr) {
    throw bad_file(file, "a header without its values", "the .img file of the same name beside it",
                   "put both files into one folder");
  }
  return image;
}

std::string format_of(const nifti_image& image) {
  if (image.nifti_type == NIFTI_FTYPE_ANALYZE) {
    return "analyze 7.5";
  }
  return image.nifti_type >= NIFTI_FTYPE_NIFTI2_1 ? "nifti-2" : "nifti-1";
}

/// c, z, y, x; what lies beyond x, y, z must be one thing.
Index4 shape_of_image(const fs::path& file, const nifti_image& image, const std::string& axes) {
  Index4 shape{1, image.dim[3], image.dim[2], image.dim[1]};
  int longer = 0;
  for (int i = 1; i <= 7; ++i) {
    if (i > 3 && image.dim[i] > 1) {
      ++longer;
      shape[0] = image.dim[i];
    }
  }
  const bool are_channels = axes == "czyx" && longer == 1 && shape[0] <= 65536;
  if (longer > 0 && !are_channels) {
    throw bad_file(
        file,
        fmt::format("an image of {} (x, y, z, and more)",
                    fmt::join(std::span(image.dim).subspan(1, 7), " x ")),
        "3 dimensions",
        longer == 1 ? "pass --axes czyx to take the 4th dimension for channels, of which PATH:c=N "
                      "is one, or store one time point in a file of its own"
                    : "store one image in a file of its own");
  }
  return shape;
}

double nanometres_of_unit(int unit) {
  switch (unit) {
    case NIFTI_UNITS_METER:
      return 1e9;
    case NIFTI_UNITS_MM:
      return 1e6;
    case NIFTI_UNITS_MICRON:
      return 1e3;
    default:
      return 0;
  }
}

void read_spacing(int unit, const core::Vec3d& pixdim, NiftiMetadata& out) {
  const double nm = nanometres_of_unit(unit);
  const std::string stated = core::to_string(pixdim);
  if (nm == 0) {
    out.notes.push_back(unusable_voxel_size("pixdim", stated + " (z, y, x) without a unit"));
    return;
  }
  core::Vec3d voxel{};
  for (std::size_t i = 0; i < 3; ++i) {
    voxel[i] = round_significant(std::abs(pixdim[i]) * nm, kNiftiDigits);
  }
  if (out.layout.shape[1] == 1 && !(voxel[0] > 0)) {
    voxel[0] = voxel[1];
    out.notes.emplace_back(
        "the thickness of the section is not stated: taken equal to the pixel's height");
  }
  if (std::all_of(voxel.begin(), voxel.end(),
                  [](double side) { return std::isfinite(side) && side > 0; })) {
    out.voxel_nm = voxel;
  } else {
    out.notes.push_back(unusable_voxel_size("pixdim", stated + " (z, y, x), not positive"));
    return;
  }
  if (std::any_of(pixdim.begin(), pixdim.end(), [](double side) { return side < 0; })) {
    out.notes.push_back(fmt::format(
        "pixdim is {} (z, y, x): voxels are read as stored, minus signs mirror no axis", stated));
  }
}

/// The place of the first voxel. Images are read in the order stored, so a place makes sense only
/// where the axes of the file are the axes of space: as they are (RAS), or, as ITK writes them,
/// with x and y negated (LPS).
void read_place(const nifti_image& image, NiftiMetadata& out) {
  if (image.sform_code <= 0 && image.qform_code <= 0) {
    return;
  }
  const auto& m = image.sform_code > 0 ? image.sto_xyz.m : image.qto_xyz.m;
  bool keeps_axes = true;
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      keeps_axes = keeps_axes && (i == j || std::abs(m[i][j]) <= 1e-4 * std::abs(m[j][j]));
    }
  }
  const bool is_ras = m[0][0] > 0 && m[1][1] > 0 && m[2][2] > 0;
  const bool is_lps = m[0][0] < 0 && m[1][1] < 0 && m[2][2] > 0;
  if (!keeps_axes || (!is_ras && !is_lps)) {
    out.notes.emplace_back(
        "the file states an orientation that turns or mirrors axes: voxels are read as stored, "
        "without offset");
    return;
  }
  const double nm = nanometres_of_unit(image.xyz_units);
  core::Vec3d offset{0, 0, 0};
  for (std::size_t i = 0; i < 3; ++i) {
    const double place = m[2 - i][3] * nm * (is_lps && i != 0 ? -1 : 1);
    if (!std::isfinite(place)) {
      out.notes.push_back(
          unusable_offset("offset", fmt::format("{} along {}", m[2 - i][3], "zyx"[i])));
      return;
    }
    offset[i] = place != 0 ? round_significant(place, kNiftiDigits) : 0;
  }
  out.offset_nm = offset;
}

void read_scaling(const nifti_image& image, NiftiMetadata& out) {
  const double slope = image.scl_slope;
  const double intercept = image.scl_inter;
  if (slope == 0 || !std::isfinite(slope) || !std::isfinite(intercept) ||
      (slope == 1 && intercept == 0)) {
    return;
  }
  out.scaling = NiftiScaling{.slope = slope, .intercept = intercept};
  out.notes.push_back(fmt::format("values are {:g} * stored {} + {:g}, as float32", slope,
                                  core::name_of(out.layout.dtype), intercept));
}

}  // namespace

std::size_t nifti_header_bytes(std::span<const std::byte> start) {
  const std::optional<std::endian> order = order_of(start);
  return order ? static_cast<std::size_t>(value_at<std::int32_t>(start, 0, *order)) : 0;
}

bool is_plausible_nifti(std::span<const std::byte> header) {
  const std::size_t size = nifti_header_bytes(header);
  if (size == 0 || header.size() < size) {
    return false;
  }
  const std::endian order = *order_of(header);
  const std::int64_t dimensions = size == kNifti2HeaderBytes
                                      ? value_at<std::int64_t>(header, kDimensions2, order)
                                      : value_at<std::int16_t>(header, kDimensions, order);
  return dimensions >= 1 && dimensions <= 7;
}

NiftiMetadata parse_nifti_header(const fs::path& file, std::span<const std::byte> header,
                                 const std::string& axes) {
  if (!is_plausible_nifti(header)) {
    throw bad_file(file, fmt::format("{} bytes that are no NIfTI header", header.size()),
                   "a header of 348 (NIfTI-1) or 540 (NIfTI-2) bytes with 1 to 7 dimensions",
                   "the file is damaged or cut short: get a fresh copy");
  }
  header = header.first(nifti_header_bytes(header));
  require_sane_header(file, header);
  NiftiMetadata out;
  out.layout.dtype = nifti_value_type(file, header);
  const NiftiImage image = parse_with_library(file, header);
  out.format = format_of(*image);
  out.data = image->iname;
  out.layout.byte_order = *order_of(header);
  out.layout.offset = image->iname_offset;
  out.layout.shape = shape_of_image(file, *image, axes);
  read_spacing(image->xyz_units, stored_pixdim(header), out);
  read_place(*image, out);
  read_scaling(*image, out);
  return out;
}

}  // namespace retina::store
