#include "retina/pipeline/open_dataset.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "retina/core/file.h"
#include "retina/pipeline/open_dataset_groups.h"
#include "retina/pipeline/open_dataset_resampling.h"
#include "retina/pipeline/open_dataset_slices.h"
#include "retina/pipeline/range_of_set.h"
#include "retina/pipeline/reading_options.h"
#include "retina/store/image_files.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/open_on_demand.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

class Opener {
 public:
  Opener(const data::DataOptions& options, int class_count)
      : options_(options),
        how_(ReadingOptions{.axes = options.stored_axes, .voxel_size_nm = options.voxel_size_nm}
                 .open_options()) {
    opened_.dataset.label_map.class_count = class_count;
    opened_.dataset.label_map.ignore_value = options.ignore_value;
    for (const auto& [stored, id] : options.labels) {
      opened_.dataset.label_map.values.emplace_back(std::stoll(stored), id);
      if (id >= class_count) {
        report({.subject = fmt::format("labels: {}", stored),
                .found = fmt::format("class id {}", id),
                .expected = fmt::format("0 to {}", class_count - 1),
                .remedy = "name as many classes as there are ids"});
      }
    }
  }

  OpenedDataset open() {
    if (!options_.path.empty() && store::is_pack(store::parse_location(options_.path))) {
      open_pack();
    } else {
      for (const DatasetGroup& group : find_groups(options_, opened_.problems)) {
        open_group(group);
      }
      set_range();
    }
    choose_slices(opened_.dataset, options_, opened_.problems);
    return std::move(opened_);
  }

 private:
  void report(Problem problem) { opened_.problems.push_back(std::move(problem)); }

  bool wants_masks() const { return !options_.masks.empty(); }

  void open_group(const DatasetGroup& group) {
    for (const std::string& place : {group.images, group.masks}) {
      if (!place.empty() && !exists_at(place)) {
        report({.subject = place,
                .found = "nothing there",
                .expected = wants_masks() ? "images and their masks"
                                          : "a folder of images, a stack, a volume or a pack",
                .remedy = "check the path"});
        return;
      }
    }
    if (holds_images(group.images, options_)) {
      open_pairs(group);
    } else {
      const std::string stem = store::parse_location(group.images).file.stem().string();
      open_pair(group.name.empty() ? stem : group.name, group.images, group.masks);
    }
  }

  /// Image files of a folder by stem; two files of one stem are a problem.
  std::map<std::string, fs::path> by_stem(const std::string& folder) {
    std::map<std::string, fs::path> files;
    for (const fs::path& file : store::image_files(folder)) {
      const auto [place, fresh] = files.emplace(store::image_stem(file), file);
      if (!fresh) {
        report({.subject = file.string(),
                .found = fmt::format("the same name as {}", place->second.filename().string()),
                .expected = "one file for each name",
                .remedy = "rename or remove one of them"});
      }
    }
    return files;
  }

  void open_pairs(const DatasetGroup& group) {
    auto masks = group.masks.empty() ? std::map<std::string, fs::path>{} : by_stem(group.masks);
    const auto images = by_stem(group.images);
    if (images.empty()) {
      report({.subject = group.images,
              .found = "no image file in it",
              .expected = "image files",
              .remedy = {}});
    }
    std::vector<std::string> stems;
    for (const auto& [stem, file] : images) {
      stems.push_back(stem);
    }
    std::sort(stems.begin(), stems.end(), core::natural_less);
    for (std::size_t i = 0; i < stems.size(); ++i) {
      const std::string& stem = stems[i];
      const auto mask = masks.find(stem);
      if (static_cast<std::int64_t>(i) % options_.every != 0 && !is_volume(images.at(stem))) {
        masks.erase(stem);  // not one of the labelled slices
        continue;
      }
      if (mask == masks.end() && !group.masks.empty()) {
        report({.subject = images.at(stem).string(),
                .found = fmt::format("no mask named {} in {}", stem, group.masks),
                .expected = "a mask of the same name",
                .remedy = "add the mask, or move the image away"});
        continue;
      }
      const std::string name = group.name.empty() ? stem : group.name + "/" + stem;
      open_pair(name, images.at(stem).string(), mask == masks.end() ? "" : mask->second.string());
      if (mask != masks.end()) {
        masks.erase(mask);
      }
    }
    for (const auto& [stem, file] : masks) {
      report({.subject = file.string(),
              .found = fmt::format("no image named {} in {}", stem, group.images),
              .expected = "an image of the same name",
              .remedy = "add the image, or move the mask away"});
    }
  }

  /// Null after a problem.
  std::shared_ptr<core::Volume> try_open(const std::string& path) {
    try {
      return store::open_on_demand(path, how_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data) {
        throw;
      }
      report({.subject = error.what(), .found = {}, .expected = {}, .remedy = {}});
      return nullptr;
    }
  }

  /// Of a volume every n-th plane is labelled, whichever file of its folder it is.
  bool is_volume(const fs::path& file) {
    const std::shared_ptr<core::Volume> image = try_open(file.string());
    return image != nullptr && image->shape()[0] > 1;
  }

  void open_pair(const std::string& name, const std::string& image, const std::string& mask) {
    data::LabelledVolume volume{
        .name = name, .image = try_open(image), .labels = nullptr, .range = {}};
    if (!mask.empty()) {
      volume.labels = try_open(mask);
    }
    if (volume.image != nullptr && (mask.empty() || volume.labels != nullptr)) {
      add(std::move(volume));
    }
  }

  void add(data::LabelledVolume volume) {
    const core::VolumeInfo& image = volume.image->info();
    bool good = require_one_channel(image);
    if (volume.labels != nullptr) {
      const core::VolumeInfo& labels = volume.labels->info();
      good = require_one_channel(labels) && good;
      if (image.shape != labels.shape) {
        report({.subject = labels.source,
                .found = fmt::format("labels of shape {} (z,y,x)", core::to_string(labels.shape)),
                .expected =
                    fmt::format("{}, the shape of {}", core::to_string(image.shape), image.source),
                .remedy = "pair each image with the mask that was drawn on it"});
        good = false;
      }
    }
    if (good && resample(volume, options_, opened_.problems)) {
      opened_.dataset.volumes.push_back(std::move(volume));
    }
  }

  bool require_one_channel(const core::VolumeInfo& info) {
    if (info.channels == 1) {
      return true;
    }
    report({.subject = info.source,
            .found = fmt::format("{} channels", info.channels),
            .expected = "one channel",
            .remedy = "convert it to grey values"});
    return false;
  }

  /// One intensity range for all images that are not uint8: the model will know but one.
  void set_range() {
    std::vector<const core::Volume*> images;
    for (const data::LabelledVolume& volume : opened_.dataset.volumes) {
      images.push_back(volume.image.get());
    }
    SetRange found = range_of_set(images, options_.input_range);
    if (found.problem) {
      found.problem->remedy =
          "give the range with --set data.input_range=[low,high], or convert them";
      report(std::move(*found.problem));
      return;
    }
    opened_.note = std::move(found.note);
    opened_.dataset.range = found.range;
    for (data::LabelledVolume& volume : opened_.dataset.volumes) {
      volume.range = found.of(*volume.image);
    }
  }

  void open_pack() {
    const store::Pack pack(options_.path);
    auto& ignore = opened_.dataset.label_map.ignore_value;
    ignore = ignore.value_or(data::kIgnore);  // packs hold class ids, 255 = not known
    for (std::size_t i = 0; i < pack.size(); ++i) {
      widen(pack.range(i));
      data::LabelledVolume volume{.name = pack.name(i),
                                  .image = pack.image(i),
                                  .labels = wants_masks() ? pack.labels(i) : nullptr,
                                  .range = {}};
      if (volume.labels == nullptr && wants_masks()) {
        report({.subject = options_.path + ":" + pack.name(i),
                .found = "no labels",
                .expected = "labels",
                .remedy = "pack the dataset with its masks"});
        continue;
      }
      add(std::move(volume));
    }
  }

  /// The values that the images of a pack had before they became uint8.
  void widen(const core::IntensityRange& packed) {
    core::IntensityRange& range = opened_.dataset.range;
    if (packed == core::IntensityRange{}) {
      return;
    }
    range = range == core::IntensityRange{}
                ? packed
                : core::IntensityRange{.low = std::min(range.low, packed.low),
                                       .high = std::max(range.high, packed.high)};
  }

  const data::DataOptions& options_;
  store::OpenOptions how_;
  OpenedDataset opened_;
};

}  // namespace

OpenedDataset try_open_dataset(const data::DataOptions& options, int class_count,
                               const core::Context& ctx) {
  throw_if_any(ErrorKind::usage, "the data options have problems", options.validate());
  if (class_count > data::kIgnore) {
    throw Error(ErrorKind::usage, Problem{.subject = "classes",
                                          .found = fmt::format("{} class ids", class_count),
                                          .expected = "at most 255, background included",
                                          .remedy = "map several labels to one class (labels)"});
  }
  OpenedDataset opened = Opener(options, class_count).open();
  const auto& volumes = opened.dataset.volumes;
  const bool are_bytes = std::all_of(volumes.begin(), volumes.end(), [](const auto& volume) {
    return volume.image->info().dtype == core::DType::u8;
  });
  if (!options.input_range.empty() && are_bytes) {
    ctx.log->warn("input_range is not used: all images are uint8, which are taken as they are");
  }
  for (const data::LabelledVolume& volume : volumes) {
    if (volume.image->info().dtype != core::DType::u8) {
      ctx.log->info("{}: {} is mapped to uint8, {} .. {} -> 0 .. 255", volume.name,
                    core::name_of(volume.image->info().dtype), volume.range.low, volume.range.high);
      break;  // one line says it; the check prints a table
    }
  }
  return opened;
}

data::Dataset open_dataset(const data::DataOptions& options, int class_count,
                           const core::Context& ctx) {
  OpenedDataset opened = try_open_dataset(options, class_count, ctx);
  const std::string where = options.path.empty() ? options.images : options.path;
  throw_if_any(ErrorKind::bad_data, "the dataset " + where + " has problems", opened.problems);
  if (!opened.note.empty()) {
    ctx.log->warn(opened.note);
  }
  return std::move(opened.dataset);
}

void name_after_source(data::Dataset& dataset, const data::DataOptions& source) {
  for (data::LabelledVolume& volume : dataset.volumes) {
    volume.name = (source.path.empty() ? source.images : source.path) + ": " + volume.name;
  }
}

}  // namespace retina::pipeline
