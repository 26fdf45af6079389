#include "retina/store/tiff/ome_xml.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/store/tiff/xml_scanner.h"
#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

std::int64_t whole_number(const XmlTag& tag, std::string_view name, std::int64_t fallback) {
  const std::string text = xml_attribute(tag, name).value_or("");
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && value >= 0 ? value : fallback;
}

std::optional<double> length_nm(const XmlTag& tag, const std::string& name) {
  const std::string text = xml_attribute(tag, name).value_or("");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto unit = nanometres_per(xml_attribute(tag, name + "Unit").value_or("um"));
  if (error != std::errc{} || !std::isfinite(value) || value <= 0 || !unit) {
    return std::nullopt;
  }
  return round_significant(value * *unit, 12);
}

void take_physical_sizes(OmeImage& image, const XmlTag& tag) {
  bool is_any_stated = false;
  std::vector<std::string> axes;  // whose size is no length
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string axis(1, "ZYX"[i]);
    const std::string name = "PhysicalSize" + axis;
    const auto size = xml_attribute(tag, name);
    is_any_stated = is_any_stated || size;
    image.voxel_nm[i] = length_nm(tag, name);
    if (size && !image.voxel_nm[i]) {
      axes.push_back(axis);
      sizes.push_back(*size + " " + xml_attribute(tag, name + "Unit").value_or("um"));
    }
  }
  if (!axes.empty()) {
    image.notes.push_back(
        unusable_voxel_size(fmt::format("PhysicalSize{}", fmt::join(axes, "/")),
                            fmt::format("no length: {}", fmt::join(sizes, ", "))));
  } else if (is_any_stated && (!image.voxel_nm[1] || !image.voxel_nm[2])) {
    image.notes.push_back(unusable_voxel_size("PhysicalSize", "X and Y are needed"));
  }
}

void take_pixels(OmeImage& image, const XmlTag& tag) {
  image.order = xml_attribute(tag, "DimensionOrder").value_or(image.order);
  image.type = xml_attribute(tag, "Type").value_or("");
  image.width = whole_number(tag, "SizeX", 0);
  image.height = whole_number(tag, "SizeY", 0);
  image.slices = whole_number(tag, "SizeZ", 1);
  image.channels = whole_number(tag, "SizeC", 1);
  image.times = whole_number(tag, "SizeT", 1);
  take_physical_sizes(image, tag);
}

OmeTiffData tiff_data(const XmlTag& tag) {
  const bool has_page = xml_attribute(tag, "IFD").has_value();
  return {.page = whole_number(tag, "IFD", 0),
          .first_z = whole_number(tag, "FirstZ", 0),
          .first_c = whole_number(tag, "FirstC", 0),
          .first_t = whole_number(tag, "FirstT", 0),
          .planes = whole_number(tag, "PlaneCount", has_page ? 1 : -1),
          .file_name = {},
          .uuid = {}};
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  return xml_unescaped(text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin));
}

}  // namespace

bool is_ome_xml(std::string_view text) {
  constexpr std::size_t kHead = 4096;  // a declaration and a comment come before
  const std::string_view head = text.substr(0, kHead);
  return head.find("<OME") != std::string_view::npos ||
         head.find(":OME ") != std::string_view::npos;
}

OmeDocument parse_ome_xml(std::string_view text) {
  OmeDocument out;
  XmlScanner scanner(text);
  while (const auto tag = scanner.next()) {
    if (!tag->is_start) {
      continue;
    }
    if (tag->name == "OME") {
      out.uuid = xml_attribute(*tag, "UUID").value_or("");
    } else if (tag->name == "BinaryOnly") {
      out.metadata_file = xml_attribute(*tag, "MetadataFile").value_or("another file");
    } else if (tag->name == "Image") {
      out.images.emplace_back();
      out.images.back().name = xml_attribute(*tag, "Name").value_or("");
    } else if (out.images.empty()) {
      continue;
    } else if (tag->name == "Description") {
      out.images.back().description = trimmed(tag->text);
    } else if (tag->name == "Pixels") {
      take_pixels(out.images.back(), *tag);
    } else if (tag->name == "TiffData") {
      out.images.back().data.push_back(tiff_data(*tag));
    } else if (tag->name == "UUID" && !out.images.back().data.empty()) {
      OmeTiffData& data = out.images.back().data.back();
      data.file_name = xml_attribute(*tag, "FileName").value_or("");
      data.uuid = trimmed(tag->text);
    }
  }
  return out;
}

std::string to_ome_xml(const OmeImage& image) {
  const std::string schema = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
  std::string text = fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{0}" )"
      R"(xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{0} {0}/ome.xsd">)"
      R"(<Image ID="Image:0">)",
      schema);
  if (!image.description.empty()) {
    text += fmt::format("<Description>{}</Description>", image.description);
  }
  text +=
      fmt::format(R"(<Pixels ID="Pixels:0" DimensionOrder="{}" Type="{}" SizeX="{}" SizeY="{}" )"
                  R"(SizeZ="{}" SizeC="{}" SizeT="{}")",
                  image.order, image.type, image.width, image.height, image.slices, image.channels,
                  image.times);
  constexpr std::string_view kAxes = "ZYX";
  for (std::size_t i = 0; i < 3; ++i) {
    if (image.voxel_nm[i]) {
      text += fmt::format(R"( PhysicalSize{0}="{1}" PhysicalSize{0}Unit="nm")", kAxes[i],
                          *image.voxel_nm[i]);
    }
  }
  text += ">";
  for (std::int64_t c = 0; c < image.channels; ++c) {
    text += fmt::format(R"(<Channel ID="Channel:0:{}" SamplesPerPixel="1"/>)", c);
  }
  return text + fmt::format(R"(<TiffData IFD="0" PlaneCount="{}"/></Pixels></Image></OME>)",
                            image.slices * image.channels * image.times);
}

}  // namespace retina::store
