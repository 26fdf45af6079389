#include "retina/pipeline/convert/pack.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/data/volume_views.h"
#include "retina/pipeline/bench/plane_meter.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/range_of_set.h"
#include "retina/store/image_files.h"
#include "retina/store/open_on_demand.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// One of the places that are packed.
struct PackedPlace {
  std::string path;
  std::string name;  ///< of an image or volume, or what the names of a folder's images begin with
};

/// The last parts of a path. A colon would end the name of the pack that the item is asked of.
std::string last_parts(const fs::path& path, std::ptrdiff_t parts) {
  const std::ptrdiff_t all = std::distance(path.begin(), path.end());
  fs::path end;
  for (auto part = std::next(path.begin(), std::max<std::ptrdiff_t>(0, all - parts));
       part != path.end(); ++part) {
    end /= *part;
  }
  std::string name = end.string();
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

[[noreturn]] void fail_given_twice(const std::string& place) {
  throw Error(ErrorKind::usage,
              Problem{.subject = fmt::format("'{}'", place),
                      .found = fmt::format("the same {} is given twice",
                                           fs::is_directory(place) ? "folder" : "file"),
                      .expected = "each image, stack or folder once",
                      .remedy = "leave it out once"});
}

/// The places by the last part of their paths, or by as many as it takes to tell them apart: that
/// many of each path.
std::vector<PackedPlace> named_places(const std::vector<std::string>& given) {
  std::vector<fs::path> paths;
  std::set<fs::path> known;
  std::ptrdiff_t longest = 1;
  for (const std::string& place : given) {
    const fs::path full = fs::absolute(place).lexically_normal();
    paths.push_back((full.has_filename() ? full : full.parent_path()).relative_path());
    if (!known.insert(paths.back()).second) {
      fail_given_twice(place);
    }
    longest = std::max(longest, std::distance(paths.back().begin(), paths.back().end()));
  }
  std::vector<PackedPlace> places;
  for (std::ptrdiff_t parts = 1; parts <= longest; ++parts) {
    places.clear();
    std::set<std::string> names;
    for (std::size_t i = 0; i < given.size(); ++i) {
      places.push_back({.path = given[i], .name = last_parts(paths[i], parts)});
      names.insert(places.back().name);
    }
    if (names.size() == given.size()) {
      break;
    }
  }
  return places;
}

/// The image files of a folder in the order in which training takes them.
std::vector<fs::path> files_by_stem(const std::string& folder) {
  std::vector<fs::path> files = store::image_files(folder);
  std::stable_sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return core::natural_less(store::image_stem(a), store::image_stem(b));
  });
  return files;
}

/// Images that are mapped to uint8 alike, as those of a folder are in training.
std::vector<store::PackItem> image_items(const std::vector<fs::path>& files,
                                         const PackOptions& options, const core::Context& context) {
  const store::OpenOptions how = options.reading.open_options();
  std::vector<store::PackItem> items;
  std::vector<const core::Volume*> images;
  {
    PlaneMeter meter(context, "looking at images", std::ssize(files));
    for (const fs::path& file : files) {
      context.check_stop(core::kRerunHint);
      store::PackItem& item = items.emplace_back();
      item.name = file.filename().string();
      item.image = store::open_on_demand(file.string(), how);
      item.provenance["source"] = file.string();
      images.push_back(item.image.get());
      meter.add(1, {});
    }
  }
  SetRange range = range_of_set(images, options.dataset.input_range);
  if (range.problem) {
    range.problem->remedy =
        "give the range with --set dataset.input_range=[low,high], or convert them";
    throw Error(ErrorKind::bad_data, *range.problem);
  }
  if (!range.note.empty()) {
    context.log->warn(range.note);
  }
  for (store::PackItem& item : items) {
    item.range = range.of(*item.image);
  }
  return items;
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
std::vector<store::PackItem> dataset_items(const data::DataOptions& options, int classes,
                                           const core::Context& context) {
  data::Dataset dataset = open_dataset(options, classes, context);
  if (data::is_two_valued(dataset, dataset.slices)) {
    context.log->info("the labels are 0/255 masks: 255 is packed as class 1");
    dataset.label_map.class_count = 2;
    dataset.label_map.values = {{0, 0}, {255, 1}};  // said of all planes: no plane need be whole
  }
  const bool whole_volumes =
      options.slices.empty() && options.every == 1 && options.axes == data::DataOptions{}.axes;
  std::vector<store::PackItem> items;
  if (whole_volumes) {
    for (const data::LabelledVolume& volume : dataset.volumes) {
      items.push_back(dataset_item(dataset, volume));
    }
    return items;
  }
  for (const data::Slice& slice : dataset.slices) {
    store::PackItem item =
        dataset_item(dataset, dataset.volumes.at(static_cast<std::size_t>(slice.volume)));
    item.name = data::describe(dataset, slice);
    item.image = data::plane_view(item.image, slice);
    item.labels = item.labels == nullptr ? nullptr : data::plane_view(item.labels, slice);
    items.push_back(std::move(item));
  }
  return items;
}

bool is_dataset_folder(const fs::path& path) {
  return fs::is_directory(path / "images");
}

/// What is packed of one place. Folders hold images of equal names: where there are several places,
/// the name of each says which one it comes from.
std::vector<store::PackItem> items_of(const PackedPlace& place, const PackOptions& options,
                                      const core::Context& context) {
  std::vector<store::PackItem> items;
  if (is_dataset_folder(place.path)) {
    data::DataOptions dataset = options.dataset;
    dataset.path = place.path;
    items = dataset_items(dataset, static_cast<int>(options.classes), context);
  } else {
    const std::vector<fs::path> files = files_by_stem(place.path);
    if (files.empty()) {
      items = image_items({fs::path(place.path)}, options, context);
      items.front().name = place.name;
      return items;
    }
    items = image_items(files, options, context);
  }
  if (options.images.size() > 1) {
    for (store::PackItem& item : items) {
      item.name.insert(0, place.name + "/");
    }
  }
  return items;
}

std::vector<store::PackItem> collect_items(const PackOptions& options,
                                           const core::Context& context) {
  if (options.images.empty()) {
    return dataset_items(options.dataset, static_cast<int>(options.classes), context);
  }
  std::vector<store::PackItem> items;
  for (const PackedPlace& place : named_places(options.images)) {
    std::vector<store::PackItem> more = items_of(place, options, context);
    std::move(more.begin(), more.end(), std::back_inserter(items));
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
  if (classes < 1 || classes > data::kIgnore) {
    problems.push_back({.subject = "classes",
                        .found = fmt::format("{}", classes),
                        .expected = fmt::format("1 to {}, background included", data::kIgnore)});
  }
  for (const std::vector<Problem>& more : {reading.validate(), dataset.validate()}) {
    problems.insert(problems.end(), more.begin(), more.end());
  }
  return problems;
}

PackReport pack(const PackOptions& options, const core::Context& context) {
  store::refuse_pack_place(options.output, options.overwrite);
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
