#include "retina/pipeline/predict/overlay_pictures.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/pipeline/predict/prediction_setup.h"
#include "retina/report/picture.h"
#include "retina/report/png.h"
#include "retina/store/output.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kOverlaySlices = 9;

}  // namespace

std::string overlay_path(const std::string& output) {
  return outside_path(output, "overlay").string();
}

void write_overlay(const fs::path& file, const core::Array& image, const core::Array& labels) {
  const auto picture = report::overlay("", image, labels);
  core::write_atomically(file, report::encode_png(picture.pixels));
}

void SliceOverlays::refuse_existing(bool overwrite) const {
  store::CreateOptions how;
  how.overwrite = overwrite;
  store::refuse_existing(folder_, how);
  refuse_other_files(folder_, {".png"});
}

void SliceOverlays::prepare(const std::string& key) {
  store::CreateOptions how;
  how.resume_key = key;
  how.overwrite = true;  // of a few pictures that an earlier run never finished
  lock_ = core::OutputLock(folder_);
  store::prepare_partial_folder(core::partial_path(folder_), how);
}

void SliceOverlays::write(const core::Volume& input, const core::IntensityRange& range,
                          const core::Volume& labels,
                          const std::vector<std::string>& slice_names) const {
  const fs::path partial = core::partial_path(folder_);
  const std::int64_t depth = input.shape()[0];
  const std::int64_t count = std::min(depth, kOverlaySlices);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t z = (2 * i + 1) * depth / (2 * count);
    const core::Box3 box = core::slice_box(input.shape(), 0, z);
    const std::string name = slice_names.empty()
                                 ? fmt::format("z{:05}.png", z)
                                 : slice_names[static_cast<std::size_t>(z)] + ".png";
    write_overlay(partial / name, core::to_uint8(input.read(box), range), labels.read(box));
  }
  store::forget_resume_key(partial);
  core::rename_into_place(partial, folder_);
}

}  // namespace retina::pipeline
