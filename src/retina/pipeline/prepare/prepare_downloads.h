#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/pipeline/prepare/prepare_recipes.h"

namespace retina::pipeline {

/// What lies in the files and folders that the user downloaded.
class Downloads {
 public:
  /// Looks through all folders; hidden files, prepared data sets and `left_out` are passed over.
  /// bad_data for a place where nothing is.
  Downloads(const std::vector<std::string>& places, const std::filesystem::path& left_out);

  /// Files and folders for the first of the part's places that is found; several where it is not
  /// clear which, none where all are absent.
  std::vector<std::filesystem::path> find(const DownloadPart& part) const;

  /// All files with one of the extensions (lower case, with the dot), in natural order.
  std::vector<std::filesystem::path> files_with(const std::vector<std::string>& extensions) const;

  /// "a.hdf, b.hdf, and 12 more files": for messages.
  std::string summary() const;

  /// Names of archives, which have to be unpacked first.
  std::vector<std::string> archives() const;

 private:
  void walk(const std::filesystem::path& root, const std::filesystem::path& omitted);

  std::vector<std::filesystem::path> files_;
  std::vector<std::filesystem::path> folders_;
};

/// The file that marks a folder as a prepared data set.
inline constexpr const char* kPreparedRecord = "prepared.json";

}  // namespace retina::pipeline
