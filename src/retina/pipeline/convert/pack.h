#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/data/options.h"
#include "retina/pipeline/reading_options.h"

namespace retina::pipeline {

struct PackOptions {
  std::vector<std::string> images;  ///< images, stacks or folders; or none, with `dataset`
  data::DataOptions dataset;        ///< a labelled dataset
  ReadingOptions reading{};         ///< of `images`
  std::string output;
  std::int64_t classes = 255;  ///< class ids allowed in the labels, background included
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("images", self.images,
          "images, stacks or folders of images; a dataset folder with images/ and masks/ is taken "
          "with its labels");
    visit("dataset", self.dataset,
          "a labelled dataset (as in finetune: path, images, masks, labels, ...)");
    ReadingOptions::fields(self.reading, visit);
    visit("output", self.output, "folder of the pack to write");
    visit("classes", self.classes,
          "number of class ids allowed in the labels, background included");
    visit("overwrite", self.overwrite, "replace an existing pack");
  }
  std::vector<Problem> validate() const;
};

struct PackReport {
  std::string output;
  std::int64_t items = 0;
  std::int64_t labelled = 0;
  std::int64_t voxels = 0;
};

/// Writes images, or a labelled dataset, as memory-mapped uint8 arrays: what machines without image
/// libraries train and predict on (store/pack/pack.h has the form). Images of other types are
/// mapped to uint8 as in training: all of a folder by one range. An item is called after its file,
/// FOLDER/FILE where several places are packed; of places that are called alike more of their paths
/// is told.
PackReport pack(const PackOptions& options, const core::Context& context);

Json to_json(const PackReport& report);
std::string to_text(const PackReport& report);

}  // namespace retina::pipeline
