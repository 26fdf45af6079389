#include "retina/pipeline/prepare/prepare_downloads.h"

#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/store/location.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kShownFiles = 8;

/// True if `path` ends with the components of `place`, in which `*` stands for any characters.
bool ends_with_place(const fs::path& path, const fs::path& place) {
  const auto length = std::distance(place.begin(), place.end());
  if (std::distance(path.begin(), path.end()) < length) {
    return false;
  }
  auto part = std::prev(path.end(), length);
  return std::all_of(place.begin(), place.end(), [&](const fs::path& wanted) {
    return ::fnmatch(wanted.c_str(), (part++)->c_str(), 0) == 0;
  });
}

void sort_and_unite(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const fs::path& a, const fs::path& b) {
    return core::natural_less(a.native(), b.native());
  });
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
}

bool is_hidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

}  // namespace

Downloads::Downloads(const std::vector<std::string>& places, const fs::path& left_out) {
  std::vector<Problem> problems;
  const fs::path omitted = fs::weakly_canonical(left_out);
  for (const std::string& place : places) {
    if (!store::is_present(place)) {
      problems.push_back({.subject = place,
                          .found = "nothing there",
                          .expected = "a downloaded file, or a folder of them",
                          .remedy = "check the path"});
      continue;
    }
    const fs::path root = fs::canonical(place);
    if (!fs::is_directory(root)) {
      files_.push_back(root);
      continue;
    }
    walk(root, omitted);
  }
  throw_if_any(ErrorKind::bad_data, "the downloads cannot be read", problems);
  sort_and_unite(files_);
  sort_and_unite(folders_);
}

void Downloads::walk(const fs::path& root, const fs::path& omitted) {
  folders_.push_back(root);
  std::set<fs::path> visited{root};  // links may lead back
  for (auto it =
           fs::recursive_directory_iterator(root, fs::directory_options::follow_directory_symlink);
       it != fs::recursive_directory_iterator(); ++it) {
    const fs::path& path = it->path();
    const bool is_folder = it->is_directory();
    const bool is_left_folder = is_folder && (fs::exists(path / kPreparedRecord) ||
                                              !visited.insert(fs::canonical(path)).second);
    const bool is_passed_over = is_hidden(path) || path == omitted || is_left_folder;
    if (is_passed_over && is_folder) {
      it.disable_recursion_pending();
    } else if (!is_passed_over) {
      (is_folder ? folders_ : files_).push_back(path);
    }
  }
}

std::vector<fs::path> Downloads::find(const DownloadPart& part) const {
  for (const std::string& place : part.places) {
    std::vector<fs::path> found;
    for (const auto* list : {&files_, &folders_}) {
      std::copy_if(list->begin(), list->end(), std::back_inserter(found),
                   [&](const fs::path& path) { return ends_with_place(path, place); });
    }
    if (!found.empty()) {
      return found;
    }
  }
  return {};
}

std::vector<fs::path> Downloads::files_with(const std::vector<std::string>& extensions) const {
  std::vector<fs::path> found;
  std::copy_if(files_.begin(), files_.end(), std::back_inserter(found), [&](const fs::path& file) {
    return std::find(extensions.begin(), extensions.end(), store::extension_of(file)) !=
           extensions.end();
  });
  return found;
}

std::string Downloads::summary() const {
  if (files_.empty()) {
    return "no file at all";
  }
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(files_.size(), kShownFiles); ++i) {
    shown.push_back(files_[i].filename().string());
  }
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (files_.size() > kShownFiles) {
    text += fmt::format(", and {} more files", files_.size() - kShownFiles);
  }
  return text;
}

std::vector<std::string> Downloads::archives() const {
  std::vector<std::string> names;
  for (const fs::path& file : files_with({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z"})) {
    if (!file.filename().native().ends_with(".nii.gz")) {
      names.push_back(file.filename().string());
    }
  }
  return names;
}

}  // namespace retina::pipeline
