#include "retina/pipeline/evaluate/label_pairs.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/store/image_files.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

using OpenVolume = std::function<std::shared_ptr<const core::Volume>()>;

struct NamedImage {
  std::string name;  ///< by which it finds its partner
  std::string path;
  OpenVolume open;
};

/// What a path means: a volume, a set of images, or, as a pack of one item, either.
struct Place {
  std::vector<NamedImage> images;  ///< one, of a volume
  bool is_volume = false;
  bool is_set = false;
};

NamedImage image_at(const std::string& path, const store::OpenOptions& how) {
  return {store::image_stem(path), path, [path, how] { return store::open(path, how); }};
}

/// Of a pack with labels these, of another, such as `predict` writes, its images.
Place place_of_pack(const std::string& path, const store::OpenOptions& how) {
  const auto pack = std::make_shared<const store::Pack>(path);
  std::vector<Problem> unlabelled;
  for (std::size_t i = 0; i < pack->size(); ++i) {
    if (pack->labels(i) == nullptr) {
      unlabelled.push_back({.subject = fmt::format("{}:{}", path, pack->name(i)),
                            .found = "no labels",
                            .expected = "labels, as other items have",
                            .remedy = "pack the labelled images alone"});
    }
  }
  const bool has_labels = unlabelled.size() < pack->size();
  if (has_labels) {
    throw_if_any(ErrorKind::bad_data, "a pack cannot be compared", unlabelled);
  }
  Place place{.images = {}, .is_volume = pack->size() == 1, .is_set = true};
  for (std::size_t i = 0; i < pack->size(); ++i) {
    place.images.push_back({store::item_stem(pack->name(i)),
                            fmt::format("{}:{}", path, pack->name(i)),
                            [pack, i, how, has_labels]() -> std::shared_ptr<const core::Volume> {
                              return has_labels ? pack->labels(i, how) : pack->image(i, how);
                            }});
  }
  return place;
}

bool is_whole_pack(const std::string& path) {
  const store::Location location = store::parse_location(path);
  return location.inner.empty() && store::is_pack(location);
}

/// A folder is a set by its images, and its .zarr volumes and the like.
Place place_of(const std::string& path, const LabelPairOptions& options) {
  const store::OpenOptions how = options.reading.open_options();
  if (is_whole_pack(path)) {
    return place_of_pack(path, how);
  }
  Place place;
  if (options.folders == FolderMeaning::images && fs::is_directory(path)) {
    for (const fs::path& file : store::image_files(path)) {
      place.images.push_back(image_at(file.string(), how));
    }
    if (!store::is_container(path)) {
      for (const auto& entry : fs::directory_iterator(path)) {
        if (store::is_container(entry.path().string())) {
          place.images.push_back(image_at(entry.path().string(), how));
        }
      }
    }
  }
  place.is_set = !place.images.empty();
  if (!place.is_set) {
    place.is_volume = true;
    place.images.push_back(image_at(path, how));
  }
  return place;
}

void require_present(const LabelPairOptions& options) {
  std::vector<Problem> problems;
  for (const std::string& path : {options.prediction, options.truth}) {
    if (!store::is_present(store::parse_location(path).file)) {
      problems.push_back({.subject = path,
                          .found = "no such file or folder",
                          .expected = "an image, a folder of images or a container",
                          .remedy = "check the path"});
    }
  }
  throw_if_any(ErrorKind::bad_data, "nothing to compare", problems);
}

using Images = std::map<std::string, NamedImage>;

Images by_name(std::vector<NamedImage> images, std::vector<Problem>& problems) {
  Images result;
  for (NamedImage& image : images) {
    const auto place = result.find(image.name);
    if (place != result.end()) {
      problems.push_back(
          {.subject = image.path,
           .found = fmt::format("the name '{}', as {} has", image.name, place->second.path),
           .expected = "one image of each name",
           .remedy = "leave one of them out"});
    } else {
      const std::string name = image.name;
      result.emplace(name, std::move(image));
    }
  }
  return result;
}

void add_missing(const Images& present, const Images& partners, const std::string& partner_place,
                 std::string_view partner, std::vector<Problem>& problems) {
  for (const auto& [name, image] : present) {
    if (!partners.contains(name)) {
      problems.push_back(
          {.subject = image.path,
           .found = fmt::format("no {} of this name", partner),
           .expected = fmt::format("'{}' in {}, with any extension", name, partner_place),
           .remedy = ""});
    }
  }
}

std::vector<LabelPair> pair_sets(Place predictions, Place truths, const LabelPairOptions& options) {
  std::vector<Problem> problems;
  Images predicted = by_name(std::move(predictions.images), problems);
  Images actual = by_name(std::move(truths.images), problems);
  add_missing(actual, predicted, options.prediction, "prediction", problems);
  add_missing(predicted, actual, options.truth, "truth", problems);
  throw_if_any(ErrorKind::bad_data, "predictions and truths do not match", problems);
  std::vector<LabelPair> pairs;
  for (auto& [name, truth] : actual) {
    pairs.push_back({name, std::move(predicted.at(name).open), std::move(truth.open)});
  }
  std::sort(pairs.begin(), pairs.end(), [](const LabelPair& a, const LabelPair& b) {
    return core::natural_less(a.name, b.name);
  });
  return pairs;
}

}  // namespace

std::vector<LabelPair> find_label_pairs(const LabelPairOptions& options) {
  require_present(options);
  Place predictions = place_of(options.prediction, options);
  Place truths = place_of(options.truth, options);
  if (predictions.is_volume && truths.is_volume) {
    return {{fs::path(options.prediction).filename().string(),
             std::move(predictions.images.front().open), std::move(truths.images.front().open)}};
  }
  if (!predictions.is_set || !truths.is_set) {
    const std::string& set = truths.is_set ? options.truth : options.prediction;
    const std::string& volume = truths.is_set ? options.prediction : options.truth;
    throw Error(ErrorKind::bad_data,
                Problem{.subject = set,
                        .found = fmt::format("a set of images, while {} is one volume", volume),
                        .expected = "two folders or packs of images, or two volumes",
                        .remedy = is_whole_pack(set)
                                      ? fmt::format("name one of its items: {}:NAME", set)
                                      : "if the folder is one volume in slices, add --volume"});
  }
  return pair_sets(std::move(predictions), std::move(truths), options);
}

}  // namespace retina::pipeline
