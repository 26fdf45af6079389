#include "retina/pipeline/prepare/prepare_pairs.h"

#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/store/image_files.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// The number that a file name ends with, without leading zeros: "mask0012" and "12" are "12".
/// The whole name where it does not end with one.
std::string number_of_name(const std::string& stem) {
  const std::size_t before = stem.find_last_not_of("0123456789");
  const std::size_t start = before == std::string::npos ? 0 : before + 1;
  if (start == stem.size()) {
    return stem;
  }
  const std::size_t digit = std::min(stem.find_first_not_of('0', start), stem.size() - 1);
  return stem.substr(digit);
}

/// "vol_orig.0012" is "0012": such prefixes differ between images and masks.
std::string without_prefix(const std::string& stem) {
  const std::size_t dot = stem.find('.');
  return dot == std::string::npos || dot + 1 == stem.size() ? stem : stem.substr(dot + 1);
}

/// Files of a folder by the number in their names.
std::map<std::string, fs::path> files_by_number(const fs::path& folder,
                                                std::vector<Problem>& problems) {
  std::map<std::string, fs::path> files;
  for (const fs::path& file : store::image_files(folder)) {
    const auto [place, is_new] = files.emplace(number_of_name(store::image_stem(file)), file);
    if (!is_new) {
      problems.push_back({.subject = file.string(),
                          .found = "the same number as " + place->second.filename().string(),
                          .expected = "one file for each number",
                          .remedy = "remove one of them"});
    }
  }
  return files;
}

Problem no_partner(const fs::path& file, const fs::path& partners, std::string_view partner) {
  return {.subject = file.string(),
          .found = fmt::format("no {} of this number in {}", partner, partners.string()),
          .expected = "a partner for every file"};
}

}  // namespace

PairedFiles pair_by_number(const fs::path& images, const fs::path& masks) {
  PairedFiles paired;
  auto left = files_by_number(masks, paired.problems);
  for (const auto& [number, image] : files_by_number(images, paired.problems)) {
    const auto mask = left.find(number);
    if (mask == left.end()) {
      paired.problems.push_back(no_partner(image, masks, "mask"));
      continue;
    }
    paired.pairs.push_back(
        {.name = without_prefix(store::image_stem(image)), .image = image, .mask = mask->second});
    left.erase(mask);
  }
  for (const auto& [number, mask] : left) {
    paired.problems.push_back(no_partner(mask, images, "image"));
  }
  if (paired.pairs.empty() && paired.problems.empty()) {
    paired.problems.push_back({.subject = images.string(),
                               .found = "no image files",
                               .expected = "images and their masks"});
  }
  std::sort(paired.pairs.begin(), paired.pairs.end(),
            [](const PlannedPair& a, const PlannedPair& b) {
              return core::natural_less(a.name, b.name);
            });
  return paired;
}

}  // namespace retina::pipeline
