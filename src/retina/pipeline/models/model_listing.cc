#include "retina/pipeline/models/model_listing.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/box.h"
#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/model/card.h"
#include "retina/model/model.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

model::Card read_card(const fs::path& folder) {
  const fs::path file = folder / model::kCardFile;
  return model::card_from_json(core::read_json(file), file.string());
}

/// The folders in `place` that look like models, by name; a place need not exist.
std::vector<fs::path> model_folders(const fs::path& place) {
  std::vector<fs::path> folders;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(place, absent)) {
    if (fs::exists(entry.path() / model::kCardFile, absent)) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

/// Adds one model; one that cannot be read is listed with the reason.
void list_model(const fs::path& folder, ModelsReport& report) {
  const std::string name = folder.filename().string();
  Json entry{{"name", name}, {"path", folder.string()}};
  std::string what;
  try {
    const model::Card card = read_card(folder);
    const std::vector<std::string> classes = model::foreground_names(card);
    entry["classes"] = classes;
    entry["licence"] = card.licence;
    what = classes.empty() ? "(pre-trained)" : fmt::format("{}", fmt::join(classes, ", "));
  } catch (const std::exception& error) {
    entry["error"] = error.what();
    what = fmt::format("(cannot be read: {})", error.what());
  }
  report.json["models"].push_back(std::move(entry));
  report.text += fmt::format("{:<24} {:<32} {}\n", name, what, folder.string());
}

std::string table_text(const char* name, const Json& table) {
  return table.empty() ? fmt::format("  {:<10}  none\n", name)
                       : fmt::format("  {}\n{}", name, table_lines(table, 4));
}

std::string voxels_text(const model::Card& card) {
  std::vector<std::string> voxels;
  for (const core::Vec3d& voxel_nm : card.voxel_nm_seen) {
    voxels.push_back(fmt::format("{:g} x {:g} x {:g}", voxel_nm[0], voxel_nm[1], voxel_nm[2]));
  }
  return voxels.empty() ? "not known" : fmt::format("{} nm (z, y, x)", fmt::join(voxels, ", "));
}

/// None of several output maps, the largest of which counts, and of images that are restored.
std::string threshold_text(const model::Card& card) {
  const Json maps = card.network_options.value("classes", Json(1));
  const bool is_used = !card.classes.empty() && core::whole_number_in<int>(maps) == 1;
  return is_used ? fmt::format("{:g}", card.threshold) : "none";
}

}  // namespace

ModelsReport list_models() {
  ModelsReport report;
  report.json["models"] = Json::array();
  for (const fs::path& place : model::model_places()) {
    for (const fs::path& folder : model_folders(place)) {
      list_model(folder, report);
    }
  }
  if (report.text.empty()) {
    report.text =
        "no models in models/, ~/.local/share/retina/models, RETINA_MODELS or the archive\n";
  }
  return report;
}

ModelsReport show_model(const ModelsOptions& options) {
  const fs::path folder = model::find_model_folder(options.path);
  const model::Card card = read_card(folder);
  ModelsReport report{.json = to_json(card), .text = {}};
  report.json["path"] = folder.string();
  report.text = fmt::format(
      "{}\n  folder      {}\n  classes     {}\n  window      {}\n  voxels      {}\n"
      "  range       {:.9g} to {:.9g} become 0 to 255\n"
      "  mean, std   {:.6f}, {:.6f} of pixels / 255\n"
      "  threshold   {}\n  licence     {}\n{}{}",
      card.name, folder.string(),
      card.classes.empty() ? "none: it restores images"
                           : fmt::format("{}", fmt::join(model::foreground_names(card), ", ")),
      core::whole_number_in<int>(card.network_options.value("window", Json())).value_or(0),
      voxels_text(card), card.preprocess.range.low, card.preprocess.range.high,
      card.preprocess.mean, card.preprocess.std, threshold_text(card), model::licence_text(card),
      table_text("metrics", card.metrics), table_text("provenance", card.provenance));
  return report;
}

}  // namespace retina::pipeline
