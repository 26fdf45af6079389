#include "retina/pipeline/pack.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/intensity.h"
#include "retina/data/volume_views.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/store/image_files.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

store::PackItem image_item(const std::string& path, const store::OpenOptions& how) {
  store::PackItem item;
  item.name = fs::path(path).filename().string();
  item.image = store::open(path, how);
  item.range = core::estimate_range(*item.image, 0);
  item.provenance["source"] = path;
  return item;
}

store::PackItem dataset_item(const data::Dataset& dataset, const data::LabelledVolume& volume) {
  store::PackItem item;
  item.name = volume.name;
  item.image = volume.image;
  item.range = volume.range;
  item.provenance["source"] = volume.image->info().source;
  if (volume.labels != nullptr) {
    item.labels = data::class_view(volume.labels, dataset.label_map);
  }
  return item;
}

/// Whole volumes where all their planes across z are wanted, else the planes, one an item.
void append_dataset(const data::DataOptions& options, int classes, const core::Context& context,
                    std::vector<store::PackItem>& items) {
  data::Dataset dataset = open_dataset(options, classes, context);
  if (data::is_two_valued(dataset, dataset.slices)) {
    context.log->info("the labels are 0/255 masks: 255 is packed as class 1");
    dataset.label_map.class_count = 2;
  }
  const bool whole_volumes =
      options.slices.empty() && options.every == 1 && options.axes == data::DataOptions{}.axes;
  if (whole_volumes) {
    for (const data::LabelledVolume& volume : dataset.volumes) {
      items.push_back(dataset_item(dataset, volume));
    }
    return;
  }
  for (const data::Slice& slice : dataset.slices) {
    store::PackItem item =
        dataset_item(dataset, dataset.volumes.at(static_cast<std::size_t>(slice.volume)));
    item.name = data::describe(dataset, slice);
    item.image = data::plane_view(item.image, slice);
    item.labels = item.labels == nullptr ? nullptr : data::plane_view(item.labels, slice);
    items.push_back(std::move(item));
  }
}

bool is_dataset_folder(const fs::path& path) {
  return fs::is_directory(path / "images");
}

std::vector<store::PackItem> collect_items(const PackOptions& options,
                                           const core::Context& context) {
  const auto classes = static_cast<int>(options.classes);
  const store::OpenOptions how = options.reading.open_options();
  std::vector<store::PackItem> items;
  if (options.images.empty()) {
    append_dataset(options.dataset, classes, context, items);
  }
  for (const std::string& path : options.images) {
    if (is_dataset_folder(path)) {
      data::DataOptions dataset = options.dataset;
      dataset.path = path;
      append_dataset(dataset, classes, context, items);
      continue;
    }
    const std::vector<fs::path> files = store::image_files(path);
    for (const fs::path& file : files) {
      items.push_back(image_item(file.string(), how));
    }
    if (files.empty()) {
      items.push_back(image_item(path, how));
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
  const std::vector<Problem> reading_problems = reading.validate();
  problems.insert(problems.end(), reading_problems.begin(), reading_problems.end());
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
