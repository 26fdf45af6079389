#include "retina/store/tiff/tiff_metadata.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "retina/core/json.h"
#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::int64_t count(std::string_view text) {
  const double value = number(text).value_or(0);
  return value >= 1 && value < 1e9 ? static_cast<std::int64_t>(value) : 0;
}

std::optional<core::Vec3d> triple(std::string_view text) {
  core::Vec3d values{};
  std::size_t begin = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t end = text.find(',', begin);
    const auto value = number(text.substr(begin, end - begin));
    if (!value || ((end == std::string_view::npos) != (i == 2))) {
      return std::nullopt;
    }
    values[i] = *value;
    begin = end + 1;
  }
  return values;
}

/// What ImageJ counts; 0 = not stated.
struct ImageJCounts {
  std::int64_t channels = 0;
  std::int64_t slices = 0;
  std::int64_t frames = 0;
};

void take_line(TiffDescription& out, ImageJCounts& counts, std::string_view key,
               std::string_view value) {
  if (key == "images") {
    out.images = count(value);
  } else if (key == "channels") {
    counts.channels = count(value);
  } else if (key == "slices") {
    counts.slices = count(value);
  } else if (key == "frames") {
    counts.frames = count(value);
  } else if (key == "unit") {
    out.unit = value;
  } else if (key == "yunit") {
    out.y_unit = value;
  } else if (key == "zunit") {
    out.z_unit = value;
  } else if (key == "spacing") {
    out.spacing = number(value);
  } else if (key == "voxel_nm") {
    out.voxel_nm = triple(value);
  } else if (key == "offset_nm") {
    out.offset_nm = triple(value);
  } else if (key == "cf" || key == "c0" || key == "c1") {
    out.is_calibrated = true;
  }
}

/// ImageJ orders pages by time, then slice, then channel.
std::vector<TiffAxis> imagej_axes(const ImageJCounts& counts, std::int64_t images) {
  const std::int64_t channels = std::max<std::int64_t>(1, counts.channels);
  const std::int64_t frames = std::max<std::int64_t>(1, counts.frames);
  std::int64_t slices = std::max<std::int64_t>(1, counts.slices);
  if (counts.slices == 0 && images > 0 && images / channels / frames > 0) {
    slices = images / channels / frames;
  }
  std::vector<TiffAxis> axes{{'t', frames}, {'z', slices}, {'c', channels}};
  std::erase_if(axes, [](const TiffAxis& axis) { return axis.size == 1; });
  return axes;
}

TiffDescription parse_lines(std::string_view text) {
  TiffDescription out;
  ImageJCounts counts;
  out.writer = text.starts_with("ImageJ=") ? "ImageJ" : "";
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    if (const std::size_t equals = line.find('='); equals != std::string::npos) {
      const std::string_view view = line;
      take_line(out, counts, view.substr(0, equals), view.substr(equals + 1));
    }
  }
  out.axes = imagej_axes(counts, out.images);
  return out;
}

/// tifffile describes arrays as {"shape": [2, 5, 20, 33], "axes": "CZYX"}.
std::optional<TiffDescription> parse_shaped(std::string_view text) {
  if (!text.starts_with('{')) {
    return std::nullopt;
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("shape") || !json["shape"].is_array() ||
      json["shape"].size() > 16) {
    return std::nullopt;
  }
  TiffDescription out;
  out.writer = "tifffile";
  for (const Json& side : json["shape"]) {
    if (!side.is_number_unsigned() || side.get<std::uint64_t>() < 1 ||
        side.get<std::uint64_t>() > 1000000000) {
      return std::nullopt;
    }
    out.shape.push_back(side.get<std::int64_t>());
  }
  if (json.contains("axes") && json["axes"].is_string() &&
      json["axes"].get<std::string>().size() == out.shape.size()) {
    out.shape_axes = json["axes"].get<std::string>();
  }
  return out;
}

}  // namespace

TiffDescription parse_tiff_description(std::string_view text) {
  if (auto shaped = parse_shaped(text)) {
    return std::move(*shaped);
  }
  return parse_lines(text);
}

std::string tiff_description(const core::Vec3& shape, int channels,
                             const std::optional<core::Vec3d>& voxel_nm,
                             const core::Vec3d& offset_nm) {
  std::string text = "ImageJ=1.11a\n";
  text += fmt::format("images={}\n", shape[0] * channels);
  if (channels > 1) {
    text += fmt::format("channels={}\nhyperstack=true\nmode=grayscale\n", channels);
  }
  text += fmt::format("slices={}\n", shape[0]);
  if (voxel_nm) {
    const core::Vec3d& v = *voxel_nm;
    text += fmt::format("unit=nm\nspacing={}\nvoxel_nm={},{},{}\n", v[0], v[0], v[1], v[2]);
  }
  if (offset_nm != core::Vec3d{0, 0, 0}) {
    text += fmt::format("offset_nm={},{},{}\n", offset_nm[0], offset_nm[1], offset_nm[2]);
  }
  return text + "loop=false\n";
}

namespace {

constexpr double kLargestPixelNm =
    10000;  // beyond it a resolution is a print setting such as 72 dpi

/// What is known of the size of a voxel, and where from.
struct PixelSize {
  std::optional<double> z;
  double y = 0;  ///< 0 = not known
  double x = 0;
  std::string source;
  bool may_be_print_setting = false;
  std::string unused = {};  ///< the note on a statement that gives no size of pixels
};

double unit_nm(const std::string& unit, const std::string& fallback) {
  return nanometres_per(unit.empty() ? fallback : unit).value_or(0);
}

PixelSize imagej_pixel_size(const TiffDescription& description, const TiffResolution& resolution) {
  PixelSize size;
  if (!(resolution.x > 0) || !(resolution.y > 0)) {
    if (description.spacing) {
      size.unused = unusable_voxel_size(
          "spacing",
          fmt::format("{} {} without resolution tags", *description.spacing,
                      description.z_unit.empty() ? description.unit : description.z_unit));
    }
    return size;
  }
  for (const std::string& unit : {description.unit, description.y_unit}) {
    if (!unit.empty() && !nanometres_per(unit)) {
      size.unused = unusable_voxel_size("unit", fmt::format("'{}' is no unit of length", unit));
      return size;
    }
  }
  size.source = "ImageJ description and resolution tags";
  size.may_be_print_setting = true;
  size.y = round_significant(unit_nm(description.y_unit, description.unit) / resolution.y, 6);
  size.x = round_significant(unit_nm("", description.unit) / resolution.x, 6);
  const double z_unit = unit_nm(description.z_unit, description.unit);
  if (description.spacing && *description.spacing > 0 && z_unit > 0) {
    size.z = round_significant(*description.spacing * z_unit, 12);
  }
  return size;
}

PixelSize pixel_size(const TiffDescription& description, const TiffResolution& resolution) {
  const auto& physical = description.physical_nm;
  if (physical[1] && physical[2]) {
    return {physical[0], *physical[1], *physical[2], "OME description", false};
  }
  if (description.writer == "ImageJ" && !description.unit.empty()) {
    return imagej_pixel_size(description, resolution);
  }
  if (!(resolution.x > 0) || !(resolution.y > 0)) {
    return {};
  }
  PixelSize size;
  if (resolution.unit != 2 && resolution.unit != 3) {
    if (resolution.x != 1 || resolution.y != 1) {  // what programs that know no size write
      size.unused = unusable_voxel_size(
          "resolution tags", fmt::format("{:g} x {:g} pixels (y, x) in no unit of length",
                                         resolution.y, resolution.x));
    }
    return size;
  }
  const double nm = *nanometres_per(resolution.unit == 2 ? "inch" : "cm");
  size.source = "TIFF resolution tags";
  size.may_be_print_setting = true;
  size.y = round_significant(nm / resolution.y, 6);
  size.x = round_significant(nm / resolution.x, 6);
  if (description.spacing && *description.spacing > 0) {
    size.z = round_significant(*description.spacing * nm, 12);
  }
  return size;
}

}  // namespace

TiffVoxel tiff_voxel(const TiffDescription& description, const TiffResolution& resolution,
                     std::int64_t slices) {
  if (const auto& voxel = description.voxel_nm) {
    if (std::all_of(voxel->begin(), voxel->end(), [](double side) { return side > 0; })) {
      return {voxel, "TIFF description", {}};
    }
    return {{}, "", {unusable_voxel_size("voxel_nm", core::to_string(*voxel) + ", not positive")}};
  }
  const PixelSize size = pixel_size(description, resolution);
  if (!size.unused.empty()) {
    return {{}, "", {size.unused}};
  }
  if (!(size.y > 0) || !(size.x > 0)) {
    return {};
  }
  const std::string text = fmt::format("{} x {} nm (y, x)", size.y, size.x);
  if (size.may_be_print_setting && (size.x > kLargestPixelNm || size.y > kLargestPixelNm)) {
    return {{},
            "",
            {fmt::format("the resolution tags give pixels of {}: taken for a print "
                         "setting, not for a voxel size",
                         text)}};
  }
  if (size.z) {
    return {core::Vec3d{*size.z, size.y, size.x}, size.source, {}};
  }
  if (slices == 1) {
    return {core::Vec3d{size.y, size.y, size.x},
            size.source,
            {"the thickness of the section is not stated: taken equal to the pixel's height"}};
  }
  return {{},
          "",
          {fmt::format("pixels of {} but no spacing of the slices that can be used: give "
                       "--voxel-size-nm z,y,x",
                       text)}};
}

}  // namespace retina::store
