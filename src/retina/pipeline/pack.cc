#include "retina/pipeline/pack.h"

#include <filesystem>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/intensity.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

store::PackItem image_item(const std::string& path) {
  store::PackItem item;
  item.name = fs::path(path).filename().string();
  item.image = store::open(path);
  item.range = core::estimate_range(*item.image, 0);
  item.provenance["source"] = path;
  return item;
}

void append_dataset(const data::DataOptions& options, int classes, const core::Context& context,
                    std::vector<store::PackItem>& items) {
  const data::Dataset dataset = open_dataset(options, classes, context);
  for (const data::LabelledVolume& volume : dataset.volumes) {
    store::PackItem item;
    item.name = volume.name;
    item.image = volume.image;
    item.labels = volume.labels;
    item.range = volume.range;
    item.provenance["source"] = volume.image->info().source;
    items.push_back(std::move(item));
  }
}

bool is_dataset_folder(const fs::path& path) {
  return fs::is_directory(path / "images");
}

std::vector<store::PackItem> collect_items(const PackOptions& options,
                                           const core::Context& context) {
  const auto classes = static_cast<int>(options.classes);
  std::vector<store::PackItem> items;
  if (options.images.empty()) {
    append_dataset(options.dataset, classes, context, items);
  }
  for (const std::string& path : options.images) {
    if (is_dataset_folder(path)) {
      data::DataOptions dataset = options.dataset;
      dataset.path = path;
      append_dataset(dataset, classes, context, items);
    } else if (fs::is_directory(path) && !fs::exists(fs::path(path) / "zarr.json")) {
      for (const fs::path& file : core::list_files(path)) {
        items.push_back(image_item(file.string()));
      }
    } else {
      items.push_back(image_item(path));
    }
  }
  return items;
}

}  // namespace

std::vector<Problem> PackOptions::validate() const {
  std::vector<Problem> problems;
  if (images.empty() && dataset.path.empty() && !fs::exists(dataset.images)) {
    problems.push_back(
        {.subject = "pack", .found = "nothing to pack", .expected = "images or a dataset folder"});
  }
  if (output.empty()) {
    problems.push_back(
        {.subject = "pack", .found = "no output", .remedy = "give a folder with -o"});
  }
  return problems;
}

PackReport pack(const PackOptions& options, const core::Context& context) {
  const std::vector<store::PackItem> items = collect_items(options, context);
  if (items.empty()) {
    throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("{}", options.images.front()),
                                             .found = "no images",
                                             .expected = "at least one image"});
  }
  store::write_pack(options.output, items,
                    {.overwrite = options.overwrite, .attributes = Json::object()}, context);
  PackReport report{.output = options.output, .items = static_cast<std::int64_t>(items.size())};
  for (const store::PackItem& item : items) {
    report.labelled += item.labels ? 1 : 0;
    report.voxels += core::whole(item.image->shape()).voxels();
  }
  return report;
}

Json to_json(const PackReport& report) {
  return {{"output", report.output},
          {"items", report.items},
          {"labelled", report.labelled},
          {"voxels", report.voxels}};
}

std::string to_text(const PackReport& report) {
  return fmt::format("{}: {} images ({} with labels), {} voxels\n", report.output, report.items,
                     report.labelled, report.voxels);
}

}  // namespace retina::pipeline
