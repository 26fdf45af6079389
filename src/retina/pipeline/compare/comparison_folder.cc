#include "retina/pipeline/compare/comparison_folder.h"

#include <string>
#include <system_error>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

bool has_hidden_name(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

/// Whether a folder of that name is of a comparison: with a cell that was begun, or without a file
/// but hidden ones, as a first start leaves it that was killed. What other processes remove
/// meanwhile does not matter.
bool holds_cells(const fs::path& cells) {
  constexpr int kDepth = 4;  // of DATASET/LABELS/INIT/SEED/cell.json
  std::error_code gone;
  bool has_files = false;
  fs::recursive_directory_iterator entry(cells, gone);
  for (; entry != fs::end(entry); entry.increment(gone)) {
    const bool hidden = has_hidden_name(entry->path());
    if (hidden || entry.depth() == kDepth) {
      entry.disable_recursion_pending();
    }
    if (entry.depth() == kDepth && entry->path().filename() == "cell.json") {
      return true;
    }
    std::error_code ignored;
    has_files = has_files || (!hidden && entry->is_regular_file(ignored));
  }
  return !has_files;
}

/// Of what is in a folder and not hidden, the first by name; empty if there is nothing.
std::string first_entry(const fs::path& folder) {
  std::string first;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!has_hidden_name(entry.path()) && (first.empty() || name < first)) {
      first = name;
    }
  }
  return first;
}

}  // namespace

void refuse_foreign_folder(const fs::path& output) {
  const fs::path cells = output / "cells";
  std::string found;
  if (fs::exists(output) && !fs::is_directory(output)) {
    found = "a file";
  } else if (fs::exists(output) && !(fs::is_directory(cells) && holds_cells(cells))) {
    const std::string other = first_entry(output);
    found = other.empty() ? "" : fmt::format("a folder of something else, with '{}' in it", other);
  }
  if (!found.empty()) {
    throw Error(ErrorKind::usage, Problem{.subject = fmt::format("output '{}'", output.string()),
                                          .found = found,
                                          .expected = "a new or empty folder, or a comparison",
                                          .remedy = "choose another folder"});
  }
}

}  // namespace retina::pipeline
