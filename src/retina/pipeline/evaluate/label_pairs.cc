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

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// The images of a folder, and its .zarr volumes and the like; empty if the path is one volume
/// itself.
std::vector<fs::path> images_of(const std::string& path) {
  std::vector<fs::path> images = store::image_files(path);
  if (!fs::is_directory(path) || store::is_container(path)) {
    return images;
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    if (store::is_container(entry.path().string())) {
      images.push_back(entry.path());
    }
  }
  return images;
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

std::map<std::string, fs::path> by_name(const std::vector<fs::path>& images,
                                        std::vector<Problem>& problems) {
  std::map<std::string, fs::path> result;
  for (const fs::path& image : images) {
    const auto [place, is_new] = result.emplace(store::image_stem(image), image);
    if (!is_new) {
      problems.push_back({.subject = image.string(),
                          .found = "the same name as " + place->second.filename().string(),
                          .expected = "one image of each name",
                          .remedy = "remove one of them"});
    }
  }
  return result;
}

LabelPair pair_of(std::string name, const std::string& prediction, const std::string& truth,
                  const LabelPairOptions& options) {
  const auto opener = [how = options.reading.open_options()](const std::string& path) {
    return [path, how]() -> std::shared_ptr<const core::Volume> { return store::open(path, how); };
  };
  return {std::move(name), opener(prediction), opener(truth)};
}

void add_missing(const std::map<std::string, fs::path>& present,
                 const std::map<std::string, fs::path>& partners, const std::string& partner_folder,
                 std::string_view partner, std::vector<Problem>& problems) {
  for (const auto& [name, path] : present) {
    if (!partners.contains(name)) {
      problems.push_back(
          {.subject = path.string(),
           .found = fmt::format("no {} of this name", partner),
           .expected = fmt::format("'{}' with any image extension in {}", name, partner_folder),
           .remedy = ""});
    }
  }
}

std::vector<LabelPair> pair_folders(const std::vector<fs::path>& predictions,
                                    const std::vector<fs::path>& truths,
                                    const LabelPairOptions& options) {
  std::vector<Problem> problems;
  const auto predicted = by_name(predictions, problems);
  const auto actual = by_name(truths, problems);
  add_missing(actual, predicted, options.prediction, "prediction", problems);
  add_missing(predicted, actual, options.truth, "truth", problems);
  throw_if_any(ErrorKind::bad_data, "predictions and truths do not match", problems);
  std::vector<LabelPair> pairs;
  for (const auto& [name, path] : actual) {
    pairs.push_back(pair_of(name, predicted.at(name).string(), path.string(), options));
  }
  std::sort(pairs.begin(), pairs.end(), [](const LabelPair& a, const LabelPair& b) {
    return core::natural_less(a.name, b.name);
  });
  return pairs;
}

}  // namespace

std::vector<LabelPair> find_label_pairs(const LabelPairOptions& options) {
  require_present(options);
  const auto one_pair = [&] {
    const std::string name = fs::path(options.prediction).filename().string();
    return std::vector{pair_of(name, options.prediction, options.truth, options)};
  };
  if (options.folders == FolderMeaning::volume) {
    return one_pair();
  }
  const auto predictions = images_of(options.prediction);
  const auto truths = images_of(options.truth);
  if (predictions.empty() && truths.empty()) {
    return one_pair();
  }
  if (predictions.empty() || truths.empty()) {
    const bool truth_is_folder = predictions.empty();
    throw Error(
        ErrorKind::bad_data,
        Problem{.subject = truth_is_folder ? options.truth : options.prediction,
                .found = "a folder of images, while " +
                         (truth_is_folder ? options.prediction : options.truth) + " has none",
                .expected = "two folders of images, or two volumes",
                .remedy = "if the folder is one volume in slices, add --volume"});
  }
  return pair_folders(predictions, truths, options);
}

}  // namespace retina::pipeline
