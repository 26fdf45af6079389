#include "retina/store/tiff/tiff_metadata.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "retina/store/units.h"

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

void take_line(TiffDescription& out, std::string_view key, std::string_view value) {
  if (key == "images") {
    out.images = count(value);
  } else if (key == "channels") {
    out.channels = static_cast<int>(std::max<std::int64_t>(1, count(value)));
  } else if (key == "frames") {
    out.frames = static_cast<int>(std::max<std::int64_t>(1, count(value)));
  } else if (key == "unit") {
    out.unit = value;
  } else if (key == "spacing") {
    out.spacing = number(value);
  } else if (key == "voxel_nm") {
    out.voxel_nm = triple(value);
  } else if (key == "offset_nm") {
    out.offset_nm = triple(value);
  }
}

/// Value of the XML attribute `name` in `element`.
std::optional<std::string_view> attribute(std::string_view element, const std::string& name) {
  const std::string key = " " + name + "=\"";
  const std::size_t at = element.find(key);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t begin = at + key.size();
  return element.substr(begin, element.find('"', begin) - begin);
}

TiffDescription parse_ome(std::string_view text) {
  TiffDescription out;
  out.writer = "OME";
  const std::size_t begin = text.find("<Pixels");
  const std::string_view pixels =
      begin == std::string_view::npos ? "" : text.substr(begin, text.find('>', begin) - begin);
  out.channels =
      static_cast<int>(std::max<std::int64_t>(1, count(attribute(pixels, "SizeC").value_or("1"))));
  out.frames =
      static_cast<int>(std::max<std::int64_t>(1, count(attribute(pixels, "SizeT").value_or("1"))));
  core::Vec3d voxel{};
  std::size_t i = 0;
  for (const char* axis : {"Z", "Y", "X"}) {
    const std::string name = std::string("PhysicalSize") + axis;
    const auto size = number(attribute(pixels, name).value_or(""));
    const auto unit = nanometres_per(attribute(pixels, name + "Unit").value_or("um"));
    if (!size || !unit || *size <= 0) {
      return out;
    }
    voxel[i++] = round_significant(*size * *unit, 12);
  }
  out.voxel_nm = voxel;
  return out;
}

}  // namespace

TiffDescription parse_tiff_description(std::string_view text) {
  if (text.find("<OME") != std::string_view::npos) {
    return parse_ome(text);
  }
  TiffDescription out;
  out.writer = text.starts_with("ImageJ=") ? "ImageJ" : "";
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    if (const std::size_t equals = line.find('='); equals != std::string::npos) {
      const std::string_view view = line;
      take_line(out, view.substr(0, equals), view.substr(equals + 1));
    }
  }
  return out;
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

struct PixelUnit {
  double nm = 0;  ///< of the unit that the resolution counts in; 0 = not known
  std::string source;
};

PixelUnit pixel_unit(const TiffDescription& description, const TiffResolution& resolution) {
  if (description.writer == "ImageJ" && !description.unit.empty()) {
    return {nanometres_per(description.unit).value_or(0), "ImageJ description and resolution tags"};
  }
  if (resolution.unit == 2 || resolution.unit == 3) {
    return {resolution.unit == 2 ? 2.54e7 : 1e7, "TIFF resolution tags"};
  }
  return {};
}

}  // namespace

TiffVoxel tiff_voxel(const TiffDescription& description, const TiffResolution& resolution,
                     std::int64_t pages) {
  if (description.voxel_nm) {
    return {description.voxel_nm,
            description.writer == "OME" ? "OME description" : "TIFF description",
            {}};
  }
  const PixelUnit unit = pixel_unit(description, resolution);
  if (!(resolution.x > 0) || !(resolution.y > 0) || unit.nm == 0) {
    return {};
  }
  const double y = round_significant(unit.nm / resolution.y, 6);
  const double x = round_significant(unit.nm / resolution.x, 6);
  const std::string size = fmt::format("{} x {} nm (y, x)", y, x);
  if (x > kLargestPixelNm || y > kLargestPixelNm) {
    return {{},
            "",
            {fmt::format("the resolution tags give pixels of {}: taken for a print "
                         "setting, not for a voxel size",
                         size)}};
  }
  if (description.spacing && *description.spacing > 0) {
    return {
        core::Vec3d{round_significant(*description.spacing * unit.nm, 12), y, x}, unit.source, {}};
  }
  if (pages == 1) {
    return {core::Vec3d{y, y, x},
            unit.source,
            {"the thickness of the section is not stated: taken equal to the pixel's height"}};
  }
  return {{},
          "",
          {fmt::format("pixels of {} but no spacing of the slices is stated: give the "
                       "voxel size",
                       size)}};
}

}  // namespace retina::store
