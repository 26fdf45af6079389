#include "retina/store/mrc/mrc_metadata.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "retina/store/problem.h"
#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr double kNmPerAngstrom = 0.1;
constexpr int kMrcDigits = 6;                    // of the float32 numbers in the header
constexpr std::int32_t kImodStamp = 1146047817;  // "IMOD"
constexpr std::int32_t kVolumeStack = 401;       // space group of a stack of volumes

// bytes of the header's words
constexpr std::size_t kSize = 0;
constexpr std::size_t kMode = 12;
constexpr std::size_t kStart = 16;
constexpr std::size_t kSampling = 28;
constexpr std::size_t kCell = 40;
constexpr std::size_t kAngles = 52;
constexpr std::size_t kAxes = 64;
constexpr std::size_t kMinimum = 76;
constexpr std::size_t kMaximum = 80;
constexpr std::size_t kSpaceGroup = 88;
constexpr std::size_t kExtendedBytes = 92;
constexpr std::size_t kStamp = 152;
constexpr std::size_t kFlags = 156;
constexpr std::size_t kOrigin = 196;
constexpr std::size_t kMapWord = 208;
constexpr std::size_t kMachine = 212;

enum ImodFlag : std::int32_t { kSignedBytes = 1, kInvertedOrigin = 4, kHalfBytes = 16 };

struct Mode {
  std::int32_t number;
  std::string_view name;
  std::optional<core::DType> dtype;  ///< absent = not read
};

constexpr std::array<Mode, 9> kModes{{{0, "8-bit integers", core::DType::i8},
                                      {1, "16-bit integers", core::DType::i16},
                                      {2, "32-bit floats", core::DType::f32},
                                      {3, "complex 16-bit integers", std::nullopt},
                                      {4, "complex 32-bit floats", std::nullopt},
                                      {6, "unsigned 16-bit integers", core::DType::u16},
                                      {12, "16-bit floats", std::nullopt},
                                      {16, "colour bytes", std::nullopt},
                                      {101, "4-bit integers", std::nullopt}}};

/// The words of a header in one byte order.
class MrcWords {
 public:
  MrcWords(std::span<const std::byte> header, std::endian order) : header_(header), order_(order) {}

  std::endian order() const { return order_; }

  std::int32_t whole(std::size_t at) const {
    std::array<std::byte, 4> bytes{};
    std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(at), bytes.size(), bytes.begin());
    if (order_ != std::endian::native) {
      std::reverse(bytes.begin(), bytes.end());
    }
    return std::bit_cast<std::int32_t>(bytes);
  }
  double real(std::size_t at) const { return std::bit_cast<float>(whole(at)); }

  /// Three words in a row.
  std::array<std::int32_t, 3> wholes(std::size_t at) const {
    return {whole(at), whole(at + 4), whole(at + 8)};
  }
  std::array<double, 3> reals(std::size_t at) const {
    return {real(at), real(at + 4), real(at + 8)};
  }

 private:
  std::span<const std::byte> header_;
  std::endian order_;
};

const Mode* find_mode(std::int32_t number) {
  const auto found = std::find_if(kModes.begin(), kModes.end(),
                                  [&](const Mode& mode) { return mode.number == number; });
  return found == kModes.end() ? nullptr : found;
}

bool is_permutation_of_axes(std::array<std::int32_t, 3> axes) {
  std::sort(axes.begin(), axes.end());
  return axes == std::array<std::int32_t, 3>{1, 2, 3} ||
         axes == std::array<std::int32_t, 3>{0, 0, 0};
}

bool makes_sense(const MrcWords& words) {
  const auto size = words.wholes(kSize);
  return find_mode(words.whole(kMode)) != nullptr &&
         *std::min_element(size.begin(), size.end()) > 0 &&
         is_permutation_of_axes(words.wholes(kAxes));
}

/// The byte order the machine stamp states; empty for an unknown stamp.
std::optional<std::endian> stamped_order(std::span<const std::byte> header) {
  switch (std::to_integer<int>(header[kMachine])) {
    case 0x44:
      return std::endian::little;
    case 0x11:
      return std::endian::big;
    default:
      return std::nullopt;
  }
}

MrcWords find_byte_order(const fs::path& file, std::span<const std::byte> header,
                         std::vector<std::string>& notes) {
  const std::optional<std::endian> stamp = stamped_order(header);
  const std::endian first = stamp.value_or(std::endian::little);
  for (const std::endian order : {first, std::endian::little, std::endian::big}) {
    const MrcWords words(header, order);
    if (!makes_sense(words)) {
      continue;
    }
    if (order != stamp) {
      notes.push_back(
          fmt::format("the machine stamp is {}: byte order {} concluded from sizes and mode",
                      stamp ? "wrong" : "missing",
                      order == std::endian::little ? "little endian" : "big endian"));
    }
    return words;
  }
  const MrcWords words(header, first);
  const auto n = words.wholes(kSize);
  const auto axes = words.wholes(kAxes);
  throw bad_file(file,
                 fmt::format("an MRC header with sizes {}, {}, {}, mode {} and axes {}, {}, {}",
                             n[0], n[1], n[2], words.whole(kMode), axes[0], axes[1], axes[2]),
                 "positive sizes, a mode of MRC2014 and axes 1, 2, 3 in some order",
                 "the file is damaged or no MRC file: get a fresh copy");
}

/// Bytes of mode 0 were unsigned in old files and are signed in MRC2014.
core::DType byte_type(const MrcWords& words, std::vector<std::string>& notes) {
  const double most = words.real(kMaximum);
  if (words.whole(kStamp) == kImodStamp) {
    const bool is_signed = (words.whole(kFlags) & kSignedBytes) != 0;
    notes.push_back(fmt::format("mode 0 read as {} bytes: an IMOD file whose flags say so",
                                is_signed ? "signed" : "unsigned"));
    return is_signed ? core::DType::i8 : core::DType::u8;
  }
  if (most > 127 && most <= 255 && words.real(kMinimum) >= 0) {
    notes.push_back(fmt::format(
        "mode 0 read as unsigned bytes: the header states a maximum of {:g}, which signed bytes "
        "cannot hold",
        most));
    return core::DType::u8;
  }
  notes.emplace_back("mode 0 read as signed bytes, as MRC2014 defines it");
  return core::DType::i8;
}

core::DType value_type(const fs::path& file, const MrcWords& words,
                       std::vector<std::string>& notes) {
  const Mode& mode = *find_mode(words.whole(kMode));
  const bool has_half_bytes =
      words.whole(kStamp) == kImodStamp && (words.whole(kFlags) & kHalfBytes) != 0;
  if (mode.number == 0 && has_half_bytes) {
    throw bad_file(file, "mode 0 with two 4-bit values in each byte", "whole bytes",
                   "convert it to bytes, for example with IMOD's newstack -mode 0");
  }
  if (!mode.dtype) {
    throw bad_file(file, fmt::format("mode {} ({})", mode.number, mode.name),
                   "mode 0, 1, 2 or 6: 8-bit, 16-bit or 32-bit float values",
                   "convert it, for example with IMOD's newstack -mode 1");
  }
  return mode.number == 0 ? byte_type(words, notes) : *mode.dtype;
}

void require_one_volume(const fs::path& file, const MrcWords& words) {
  const std::int32_t sections = words.whole(kSize + 8);
  const std::int32_t per_volume = words.whole(kSampling + 8);
  if (words.whole(kSpaceGroup) >= kVolumeStack && per_volume > 0 && sections > per_volume) {
    throw bad_file(file, fmt::format("a stack of {} volumes", sections / per_volume), "one volume",
                   "store each volume in a file of its own");
  }
}

/// Columns, rows and sections -> places in c, z, y, x. Axes X, Y, Z are 1, 2, 3.
std::array<std::size_t, 3> places_of_axes(const MrcWords& words, std::vector<std::string>& notes) {
  const auto axes = words.wholes(kAxes);
  if (axes[0] == 0) {
    notes.emplace_back("the order of the axes is not stated: columns read as x, sections as z");
    return {3, 2, 1};
  }
  std::array<std::size_t, 3> places{};
  for (std::size_t i = 0; i < 3; ++i) {
    places[i] = static_cast<std::size_t>(4 - axes[i]);
  }
  if (places != std::array<std::size_t, 3>{3, 2, 1}) {
    constexpr std::string_view kNames = "?zyx";
    notes.push_back(fmt::format("columns, rows and sections of the file are {}, {} and {}",
                                kNames[places[0]], kNames[places[1]], kNames[places[2]]));
  }
  return places;
}

void read_voxel_size(const MrcWords& words, MrcMetadata& out) {
  const auto cell = words.reals(kCell);  // X, Y, Z whatever the order of the file
  const auto samples = words.wholes(kSampling);
  core::Vec3d voxel{};
  for (std::size_t i = 0; i < 3; ++i) {
    if (!std::isfinite(cell[i]) || cell[i] <= 0 || samples[i] <= 0) {
      out.notes.push_back(unusable_voxel_size(
          "cell", fmt::format("x, y, z: {:g}, {:g}, {:g} Angstrom for {}, {}, {} samples", cell[0],
                              cell[1], cell[2], samples[0], samples[1], samples[2])));
      return;
    }
    voxel[2 - i] = round_significant(cell[i] / samples[i] * kNmPerAngstrom, kMrcDigits);
  }
  out.voxel_nm = voxel;
  if (voxel == core::Vec3d{kNmPerAngstrom, kNmPerAngstrom, kNmPerAngstrom}) {
    out.notes.emplace_back(
        "voxels of 1 Angstrom: many programs write this when the size is not known");
  }
  const auto angles = words.reals(kAngles);
  if (std::any_of(angles.begin(), angles.end(), [](double a) { return a != 0 && a != 90; })) {
    out.notes.emplace_back("the cell is not rectangular: its angles are ignored");
  }
}

void read_offset(const MrcWords& words, const std::array<std::size_t, 3>& places,
                 MrcMetadata& out) {
  const auto origin = words.reals(kOrigin);
  const auto start = words.wholes(kStart);
  const bool is_finite =
      std::all_of(origin.begin(), origin.end(), [](double v) { return std::isfinite(v); });
  if (!is_finite) {
    out.notes.push_back(fmt::format("the origin ({:g}, {:g}, {:g}; x, y, z) is not used", origin[0],
                                    origin[1], origin[2]));
  }
  const bool has_origin =
      is_finite && std::any_of(origin.begin(), origin.end(), [](double v) { return v != 0; });
  // IMOD states where the origin lies in the image, unless a flag says that the sign is inverted
  const bool is_inverted =
      words.whole(kStamp) == kImodStamp && (words.whole(kFlags) & kInvertedOrigin) == 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (has_origin) {
      const double nm = round_significant(origin[i] * kNmPerAngstrom, kMrcDigits);
      out.offset_nm[2 - i] = is_inverted && nm != 0 ? -nm : nm;
    } else if (out.voxel_nm) {
      const std::size_t axis = places[i] - 1;
      out.offset_nm[axis] = round_significant(start[i] * (*out.voxel_nm)[axis], 15);
    }
  }
}

}  // namespace

bool has_map_word(std::span<const std::byte> header) {
  return header.size() == kMrcHeaderBytes && std::memcmp(header.data() + kMapWord, "MAP", 3) == 0;
}

bool is_plausible_mrc(std::span<const std::byte> header) {
  return header.size() == kMrcHeaderBytes &&
         (makes_sense({header, std::endian::little}) || makes_sense({header, std::endian::big}));
}

MrcMetadata parse_mrc_header(const fs::path& file, std::span<const std::byte> header) {
  if (header.size() != kMrcHeaderBytes) {
    throw bad_file(file, fmt::format("{} bytes", header.size()),
                   fmt::format("an MRC header of {} bytes", kMrcHeaderBytes),
                   "the file is cut short: get a fresh copy");
  }
  MrcMetadata out;
  const MrcWords words = find_byte_order(file, header, out.notes);
  require_one_volume(file, words);
  const std::int32_t extended = words.whole(kExtendedBytes);
  if (extended < 0) {
    throw bad_file(file, fmt::format("an extended header of {} bytes", extended), "0 or more bytes",
                   "the file is damaged: get a fresh copy");
  }
  out.layout.byte_order = words.order();
  out.layout.dtype = value_type(file, words, out.notes);
  out.layout.offset = static_cast<std::int64_t>(kMrcHeaderBytes) + extended;
  const std::array<std::size_t, 3> places = places_of_axes(words, out.notes);
  const auto size = words.wholes(kSize);
  for (std::size_t i = 0; i < 3; ++i) {
    out.layout.shape[places[i]] = size[i];
    out.layout.order[3 - i] = places[i];
  }
  read_voxel_size(words, out);
  read_offset(words, places, out);
  return out;
}

}  // namespace retina::store
