#include "retina/store/zarr/multiscale.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/store/units.h"
#include "retina/store/voxel_size.h"

namespace retina::store {

namespace {

Error bad(const std::string& found, const std::string& expected) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = "OME-Zarr metadata",
                       .found = found,
                       .expected = expected,
                       .remedy = "write the image again, or open one of its arrays by path"});
}

void parse_axes(const Json& axes, Multiscale& out) {
  for (const Json& axis : axes) {  // before 0.4 an axis was nothing but its name
    const std::string name = (axis.is_string() ? axis : axis.at("name")).get<std::string>();
    if (name.size() != 1 || std::string_view("tczyx").find(name) == std::string_view::npos) {
      throw bad(fmt::format("axis '{}'", name), "axes named t, c, z, y, x");
    }
    out.axes += name;
    out.units.push_back(axis.is_string() ? "" : axis.value("unit", ""));
  }
}

/// "0.4" and the like; anything else is not a version.
std::string parse_version(const Json& json, const std::string& otherwise) {
  const std::string version = json.is_string() ? json.get<std::string>() : "";
  const bool is_version = !version.empty() && version.size() < 8 &&
                          version.find_first_not_of("0123456789.") == std::string::npos;
  return is_version ? version : otherwise;
}

/// Folds a list of transformations into scale and translation.
void apply_transformations(const Json& list, MultiscaleLevel& level) {
  for (const Json& step : list) {
    const std::string type = step.at("type");
    if (type != "scale" && type != "translation" && type != "identity") {
      throw bad(fmt::format("transformation '{}'", type), "scale and translation");
    }
    if (type == "identity") {
      continue;
    }
    const auto values = step.at(type).get<std::vector<double>>();
    if (values.size() != level.scale.size()) {
      throw bad(fmt::format("a {} of {} values", type, values.size()),
                fmt::format("one for each of {} axes", level.scale.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (type == "scale") {
        level.scale[i] *= values[i];
        level.translation[i] *= values[i];
      } else {
        level.translation[i] += values[i];
      }
    }
  }
}

Multiscale parse_image(const Json& image, const std::string& version) {
  Multiscale out;
  out.version = version;
  const bool has_fixed_axes = version == "0.1" || version == "0.2";
  parse_axes(has_fixed_axes ? Json({"t", "c", "z", "y", "x"}) : image.at("axes"), out);
  for (const Json& dataset : image.at("datasets")) {
    MultiscaleLevel level{.path = dataset.at("path"),
                          .scale = std::vector<double>(out.axes.size(), 1.0),
                          .translation = std::vector<double>(out.axes.size(), 0.0)};
    apply_transformations(dataset.value("coordinateTransformations", Json::array()), level);
    apply_transformations(image.value("coordinateTransformations", Json::array()), level);
    out.levels.push_back(std::move(level));
  }
  if (out.levels.empty()) {
    throw bad("no datasets", "one dataset or more");
  }
  return out;
}

}  // namespace

bool has_multiscale(const Json& attributes) {
  const Json* ome =
      attributes.is_object() && attributes.contains("ome") ? &attributes["ome"] : &attributes;
  return ome->is_object() && ome->contains("multiscales");
}

std::optional<Multiscale> parse_multiscale(const Json& attributes) {
  if (!has_multiscale(attributes)) {
    return std::nullopt;
  }
  try {
    const bool is_wrapped = attributes.contains("ome");
    const Json& ome = is_wrapped ? attributes["ome"] : attributes;
    const Json& image = ome["multiscales"].at(0);
    Multiscale out =
        parse_image(image, is_wrapped ? parse_version(ome.value("version", Json()), "0.5")
                                      : parse_version(image.value("version", Json()), "0.4"));
    out.is_labels = ome.contains("image-label");
    return out;
  } catch (const Json::exception& error) {
    throw bad(error.what(), "\"multiscales\" as OME-Zarr 0.4 or 0.5 defines it");
  }
}

namespace {

Json axes_json(const Multiscale& multiscale) {
  Json axes = Json::array();
  for (std::size_t i = 0; i < multiscale.axes.size(); ++i) {
    const std::string axis(1, multiscale.axes[i]);
    axes.push_back({{"name", axis}, {"type", axis == "c" ? "channel" : "space"}});
    if (!multiscale.units[i].empty()) {
      axes.back()["unit"] = multiscale.units[i];
    }
  }
  return axes;
}

Json datasets_json(const Multiscale& multiscale) {
  Json datasets = Json::array();
  for (const MultiscaleLevel& level : multiscale.levels) {
    datasets.push_back({{"path", level.path},
                        {"coordinateTransformations",
                         {{{"type", "scale"}, {"scale", level.scale}},
                          {{"type", "translation"}, {"translation", level.translation}}}}});
  }
  return datasets;
}

}  // namespace

Json to_attributes(const Multiscale& multiscale, const std::string& name,
                   const std::optional<std::string>& label_source) {
  Json image = {
      {"name", name}, {"axes", axes_json(multiscale)}, {"datasets", datasets_json(multiscale)}};
  Json label = Json::object();
  if (label_source && !label_source->empty()) {
    label["source"] = {{"image", *label_source}};
  }
  const bool is_v2 = multiscale.version == "0.4";
  Json ome = Json::object();
  if (is_v2) {
    image["version"] = multiscale.version;
    label["version"] = multiscale.version;
  } else {
    ome["version"] = multiscale.version;
  }
  ome["multiscales"] = Json::array({image});
  if (label_source) {
    ome["image-label"] = label;
  }
  return is_v2 ? ome : Json{{"ome", ome}};
}

SpatialScale spatial_scale(const Multiscale& multiscale, const MultiscaleLevel& level) {
  SpatialScale out;
  core::Vec3d voxel{0, 0, 0};
  std::string missing;
  bool is_named = false;  // a unit, though none of length
  for (std::size_t i = 0; i < multiscale.axes.size(); ++i) {
    const std::size_t at = std::string_view("zyx").find(multiscale.axes[i]);
    if (at == std::string_view::npos) {
      continue;
    }
    const auto nm = nanometres_per(multiscale.units[i]);
    if (!nm) {
      const std::string& unit = multiscale.units[i];
      missing += fmt::format(", axis {} {}", multiscale.axes[i],
                             unit.empty() ? "without a unit" : fmt::format("in '{}'", unit));
      is_named = is_named || !unit.empty();
      continue;
    }
    voxel[at] = round_significant(level.scale[i] * *nm, 15);
    out.offset_nm[at] = round_significant(level.translation[i] * *nm, 15);
  }
  if (!missing.empty()) {
    const bool is_pixels = std::all_of(level.scale.begin(), level.scale.end(),
                                       [](double scale) { return scale == 1; });
    if (!is_pixels || is_named) {
      out.notes.push_back(unusable_voxel_size("scale", "no unit of length" + missing));
    }
    out.offset_nm = {0, 0, 0};
    return out;
  }
  if (multiscale.axes.find('z') == std::string::npos) {
    voxel[0] = voxel[1];
    out.notes.emplace_back(
        "the thickness of the section is not stated: taken equal to the pixel's height");
  }
  if (std::all_of(voxel.begin(), voxel.end(), [](double side) { return side > 0; })) {
    out.voxel_nm = voxel;
  } else {
    out.notes.push_back(
        unusable_voxel_size("scale", core::to_string(voxel) + " nm (z, y, x), not positive"));
  }
  return out;
}

}  // namespace retina::store
