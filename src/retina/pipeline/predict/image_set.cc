#include "retina/pipeline/predict/image_set.h"

#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "retina/store/image_files.h"
#include "retina/store/location.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

std::vector<SetImage> images_of_set(const std::string& path) {
  std::vector<SetImage> images;
  const store::Location location = store::parse_location(path);
  if (!store::is_pack(location)) {
    for (const fs::path& file : store::image_files(path)) {
      images.push_back(image_of_file(file.string()));
    }
    return images;
  }
  const auto pack = std::make_shared<const store::Pack>(location.file.string());
  if (!location.inner.empty() || pack->size() < 2) {
    return images;
  }
  for (std::size_t i = 0; i < pack->size(); ++i) {
    images.push_back(
        {.path = fmt::format("{}:{}", location.file.string(), pack->name(i)),
         .name = pack->name(i),
         .stem = store::item_stem(pack->name(i)),
         .open = [pack, i](const store::OpenOptions& how) { return pack->image(i, how); }});
  }
  return images;
}

SetImage image_of_file(const std::string& path) {
  const std::string stem = store::image_stem(path);
  return {.path = path, .name = stem, .stem = stem, .open = [path](const store::OpenOptions& how) {
            return store::open(path, how);
          }};
}

std::unique_ptr<core::Volume> ImageItem::open(const PredictionSetup& setup) const {
  return require_grey(image.open(setup.options.reading.open_options()), image.path);
}

std::vector<ImageItem> list_items(const PredictionSetup& setup,
                                  const std::vector<SetImage>& images) {
  std::vector<ImageItem> items;
  std::vector<Problem> problems;
  std::map<std::string, std::string> stems;
  for (const SetImage& image : images) {
    ImageItem item{.image = image, .info = {}};
    try {
      item.info = item.open(setup)->info();
    } catch (const Error& error) {
      problems.push_back({.subject = error.what()});
      continue;
    }
    if (item.info.shape[0] != 1) {
      problems.push_back({.subject = fmt::format("'{}'", image.path),
                          .found = fmt::format("a volume of {} slices", item.info.shape[0]),
                          .expected = "2D images only",
                          .remedy = "predict it by itself"});
    }
    const auto [place, is_new] = stems.emplace(image.stem, image.path);
    if (!is_new) {
      problems.push_back({.subject = fmt::format("'{}'", image.path),
                          .found = fmt::format("the same stem as '{}'", place->second),
                          .expected = "stems that differ: results are named after them"});
    }
    items.push_back(std::move(item));
  }
  throw_if_any(ErrorKind::bad_data, "the images cannot be predicted", problems);
  return items;
}

}  // namespace retina::pipeline
