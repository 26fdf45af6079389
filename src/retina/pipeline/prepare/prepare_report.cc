#include "retina/pipeline/prepare/prepare_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/data/options.h"

namespace retina::pipeline {
namespace {

PreparedFolder folder_of_planes(const PlannedVolume& volume, const std::string& plane) {
  const core::VolumeInfo& info = volume.image->info();
  PreparedFolder folder{.folder = volume.folder(plane),
                        .images = volume.planes(data::axis_of_plane(plane)),
                        .shape = volume.image_box.shape,
                        .sources = {info.source},
                        .stored_voxel_nm = info.voxel_nm,
                        .offset_nm = info.offset_nm,
                        .class_pixels = {}};
  for (std::size_t a = 0; a < 3 && info.voxel_nm; ++a) {
    folder.offset_nm[a] += static_cast<double>(volume.image_box.start[a]) * (*info.voxel_nm)[a];
  }
  for (const auto& labels : volume.labels) {
    folder.sources.push_back(labels->info().source);
  }
  return folder;
}

Json json_of_folder(const PreparedFolder& folder) {
  Json json{
      {"folder", folder.folder},
      {"images", folder.images},
      {"shape", folder.shape ? Json(*folder.shape) : Json(nullptr)},
      {"sources", folder.sources},
      {"stored_voxel_nm", folder.stored_voxel_nm ? Json(*folder.stored_voxel_nm) : Json(nullptr)},
      {"offset_nm", folder.offset_nm},
      {"class_pixels", Json::object()},
      {"overlaps", folder.overlaps}};
  for (const auto& [id, pixels] : folder.class_pixels) {
    json["class_pixels"][std::to_string(id)] = pixels;
  }
  return json;
}

std::string text_of_list(const Json& list) {
  std::string text;
  for (const Json& recipe : list) {
    text +=
        fmt::format("{}\n  {}\n  from     {}\n  licence  {}\n  needs    {}\n",
                    recipe.at("name").get<std::string>(), recipe.at("title").get<std::string>(),
                    recipe.at("source").get<std::string>(), recipe.at("licence").get<std::string>(),
                    recipe.at("expects").get<std::string>());
  }
  return text;
}

std::string text_of_classes(const PreparedFolder& folder) {
  std::int64_t all = 0;
  for (const auto& [id, pixels] : folder.class_pixels) {
    all += pixels;
  }
  std::vector<std::string> shares;
  for (const auto& [id, pixels] : folder.class_pixels) {
    const double percent = 100.0 * static_cast<double>(pixels) / static_cast<double>(all);
    shares.push_back(fmt::format("{}: {:.2f} %", id, percent));
  }
  return shares.empty() ? "" : fmt::format("; pixels of class {}", fmt::join(shares, ", "));
}

}  // namespace

std::vector<PreparedFolder> planned_folders(const PreparePlan& plan) {
  std::vector<PreparedFolder> folders;
  for (const PlannedVolume& volume : plan.volumes) {
    for (const std::string& plane : volume.recipe->planes) {
      folders.push_back(folder_of_planes(volume, plane));
    }
  }
  for (const PlannedImageSet& set : plan.image_sets) {
    folders.push_back({.folder = set.recipe->folder,
                       .images = static_cast<std::int64_t>(set.pairs.size()),
                       .shape = {},
                       .sources = {set.images.string(), set.masks.string()},
                       .stored_voxel_nm = {},
                       .class_pixels = {}});
  }
  return folders;
}

Json prepared_record(const PrepareReport& report, const DatasetRecipe& recipe) {
  Json json = to_json(report);
  json["title"] = recipe.title;
  json["source"] = recipe.source;
  json["licence"] = recipe.licence;
  json["voxel_nm"] = recipe.voxel_nm ? Json(*recipe.voxel_nm) : Json(nullptr);
  json["classes"] = recipe.training.classes;
  json["remarks"] = recipe.remarks;
  return json;
}

Json list_recipes() {
  Json list = Json::array();
  for (const DatasetRecipe& recipe : dataset_recipes()) {
    list.push_back({{"name", recipe.name},
                    {"title", recipe.title},
                    {"source", recipe.source},
                    {"licence", recipe.licence},
                    {"expects", recipe.expects},
                    {"voxel_nm", recipe.voxel_nm ? Json(*recipe.voxel_nm) : Json(nullptr)},
                    {"classes", recipe.training.classes},
                    {"remarks", recipe.remarks}});
  }
  return list;
}

Json to_json(const PrepareReport& report) {
  if (!report.list.is_null()) {
    return {{"datasets", report.list}};
  }
  Json folders = Json::array();
  for (const PreparedFolder& folder : report.folders) {
    folders.push_back(json_of_folder(folder));
  }
  return {{"dataset", report.dataset}, {"output", report.output},  {"config", report.config},
          {"images", report.images},   {"folders", folders},       {"notes", report.notes},
          {"seconds", report.seconds}, {"dry_run", report.dry_run}};
}

std::string to_text(const PrepareReport& report) {
  if (!report.list.is_null()) {
    return text_of_list(report.list);
  }
  std::string text = fmt::format("{}: {} images of {}{}\n", report.output, report.images,
                                 report.dataset, report.dry_run ? " would be written" : "");
  for (const PreparedFolder& folder : report.folders) {
    text +=
        fmt::format("  {}: {} images{}\n", folder.folder, folder.images, text_of_classes(folder));
  }
  for (const std::string& note : report.notes) {
    text += fmt::format("note: {}\n", note);
  }
  return text + fmt::format("train with {}\n", report.config);
}

}  // namespace retina::pipeline
