#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/pipeline/prepare/prepare_values.h"

namespace retina::pipeline {

struct PrepareOptions {
  std::string dataset{};
  std::vector<std::string> downloads{};
  std::string output{};
  UnknownVoxels unknown = UnknownVoxels::published;
  int threads = 0;
  bool list = false;
  bool dry_run = false;
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("dataset", self.dataset, "name of the data set, as --list shows it");
    visit("downloads", self.downloads, "its files, or folders that hold them, unpacked");
    visit("output", self.output, "folder to make");
    visit("unknown", self.unknown,
          "voxels that nobody labelled (invalid ones of CREMI, the padding of Kasthuri++): the "
          "published class, or ignore");
    visit("threads", self.threads, "blocks in flight; 0 = as many as there are cores");
    visit("list", self.list, "describe the data sets and where to get them");
    visit("dry_run", self.dry_run, "print what would be written and stop");
    visit("overwrite", self.overwrite, "replace a prepared data set");
  }
  std::vector<Problem> validate() const;
};

/// One folder of images and, beside it, one of masks.
struct PreparedFolder {
  std::string folder;  ///< in the data set: "train/sample_A"
  std::int64_t images = 0;
  std::optional<core::Vec3> shape;  ///< z, y, x of the part of a volume that was cut into planes
  std::vector<std::string> sources;
  std::optional<core::Vec3d> stored_voxel_nm;  ///< as the image file states it
  core::Vec3d offset_nm{0, 0, 0};              ///< of the part, as the image file states it
  std::map<int, std::int64_t> class_pixels;    ///< class id: pixels; empty in a dry run
  std::int64_t overlaps = 0;  ///< pixels that two label files claim; the later file counts
};

struct PrepareReport {
  std::string dataset;
  std::string output;
  std::string config;  ///< path of the configuration to train with
  std::vector<PreparedFolder> folders;
  std::int64_t images = 0;
  std::vector<std::string> notes;
  double seconds = 0;
  bool dry_run = false;
  Json list = nullptr;  ///< with `list`: the data sets
};

/// Turns the download of a public data set into folders images/ and masks/ of 8-bit PNG under
/// train, validation and test, as the published preparation does (retina.md 3.3), with a
/// configuration for its training. Volumes are read and written a few planes at a time. The folder
/// appears whole or not at all. bad_data that lists everything missing in the downloads.
PrepareReport prepare(const PrepareOptions& options, const core::Context& context);

Json to_json(const PrepareReport& report);
std::string to_text(const PrepareReport& report);

}  // namespace retina::pipeline
