#include "retina/pipeline/volume_prediction.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/report/picture.h"
#include "retina/report/png.h"
#include "retina/store/open.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr int kOverlaySlices = 9;

/// Storage units to try, the largest first: of OME-Zarr shards, smaller ones where memory is short.
std::vector<core::Vec3> storage_units(const std::string& output, const core::Vec3& shape) {
  if (fs::path(output).extension() != ".zarr") {
    return {{1, shape[1], shape[2]}};
  }
  if (shape[0] == 1) {
    return {{1, 2048, 2048}, {1, 512, 512}};
  }
  return {{64, 512, 512}, {64, 256, 256}, {64, 128, 128}, {32, 64, 64}, {8, 64, 64}};
}

struct UnitPlan {
  core::Vec3 unit;
  engine::VolumePlan plan;
};

class OneVolume {
 public:
  OneVolume(PredictionSetup& setup, const core::Volume& input, engine::AxesMode mode,
            std::string output, const std::vector<std::string>& slice_names,
            const core::Context& context)
      : setup_(setup),
        input_(input),
        mode_(mode),
        output_(std::move(output)),
        slice_names_(slice_names),
        context_(context) {
    warn_of_anisotropy();
    chosen_ = choose_plan();
  }

  PredictReport plan() const {
    const engine::VolumePlan& plan = chosen_.plan;
    PredictReport report;
    report.output = output_;
    report.mode = core::enum_name(mode_);
    report.images = 1;
    report.voxels = core::whole(input_.shape()).voxels();
    report.windows = plan.windows;
    report.windows_needed = plan.windows_needed;
    report.bytes_read = plan.bytes_read;
    report.bytes_written = plan.bytes_written;
    report.scratch_bytes = plan.scratch_bytes;
    report.planned_peak_bytes = plan.peak_bytes;
    return report;
  }

  PredictReport run() {
    PredictReport report = plan();
    const core::IntensityRange range = input_range(setup_, input_, context_);
    const std::string key = key_of(range);
    const auto labels = create(output_, 1, key);
    std::unique_ptr<store::OutputVolume> probabilities;
    if (setup_.options.probabilities) {
      report.probabilities = probabilities_path();
      probabilities = create(report.probabilities, setup_.predictor->channels(), key);
    }
    const auto target = [](store::OutputVolume* volume) {
      return engine::VolumeTarget{
          volume, [volume](const core::Box3& box) { return volume->is_written(box); }};
    };
    engine::VolumeOptions options;
    options.rounding = setup_.rounding();
    options.threshold = setup_.threshold;
    options.range = range;
    options.scratch = core::partial_path(output_).string() + ".scratch";
    options.resume_key = key;
    const engine::ConveyorTime time = engine::predict_volume(
        input_, *setup_.predictor, chosen_.plan, mode_,
        {.labels = target(labels.get()),
         .probabilities = probabilities ? target(probabilities.get()) : engine::VolumeTarget{}},
        options, context_);
    if (probabilities) {
      probabilities->finish();
    }
    labels->finish();
    if (setup_.options.overlay) {
      report.overlay = write_overlays(range);
    }
    report.windows = setup_.predictor->windows_computed();
    report.seconds = time.seconds;
    report.device_busy = time.device_busy();
    return report;
  }

 private:
  void warn_of_anisotropy() const {
    const auto& voxel = input_.info().voxel_nm;
    if (mode_ != engine::AxesMode::orthoplane || !voxel) {
      return;
    }
    const auto [least, most] = std::minmax_element(voxel->begin(), voxel->end());
    if (*most > 2 * *least) {
      context_.log->warn(
          "'{}' has voxels of {} nm (z, y, x): slices along its coarse axis look unlike what the "
          "network was trained on; --axes-mode stack is the safer choice above a ratio of 2",
          input_.info().source, core::to_string(*voxel));
    }
  }

  int largest_batch() const {
    int batch = 1;
    for (const int axis : {0, 1, 2}) {
      const engine::SliceAxes axes = engine::slice_axes(axis);
      if (axis == 0 || mode_ == engine::AxesMode::orthoplane) {
        const auto side = [&](int of) { return input_.shape()[static_cast<std::size_t>(of)]; };
        batch = std::max(
            batch,
            setup_.predictor->series(side(axes.plane), side(axes.row), side(axes.column)).batch);
      }
    }
    return batch;
  }

  UnitPlan choose_plan() const {
    engine::VolumePlanOptions options{.mode = mode_,
                                      .probabilities = setup_.options.probabilities,
                                      .unit = {1, 1, 1},
                                      .max_bytes = buffer_bytes(setup_, largest_batch())};
    const std::vector<core::Vec3> units = storage_units(output_, input_.shape());
    for (std::size_t i = 0;; ++i) {
      options.unit = units[i];
      try {
        return {units[i], engine::plan_volume(input_.info(), *setup_.predictor, options)};
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::resource || i + 1 == units.size()) {
          throw;
        }
      }
    }
  }

  std::string key_of(const core::IntensityRange& range) const {
    const core::VolumeInfo& info = input_.info();
    return resume_key(setup_, {{"input", info.source},
                               {"shape", {info.shape[0], info.shape[1], info.shape[2]}},
                               {"dtype", core::name_of(info.dtype)},
                               {"unit", {chosen_.unit[0], chosen_.unit[1], chosen_.unit[2]}},
                               {"mode", core::enum_name(mode_)},
                               {"range", core::options_to_json(range)}});
  }

  /// PNG holds one class; the maps of several become the pages of a TIFF stack.
  std::string probabilities_path() const {
    std::string path = sibling_path(output_, "probabilities");
    const std::string extension = fs::path(path).extension().string();
    if (setup_.predictor->channels() > 1 && (extension == ".png" || extension.empty())) {
      path = fs::path(path).replace_extension(".tif").string();
    }
    return path;
  }

  std::unique_ptr<store::OutputVolume> create(const std::string& path, int channels,
                                              const std::string& key) const {
    store::CreateOptions how;
    how.channels = channels;
    how.shape = input_.shape();
    how.voxel_nm = input_.info().voxel_nm;
    how.offset_nm = input_.info().offset_nm;
    how.is_labels = path == output_;
    how.overwrite = setup_.options.overwrite;
    how.resume_key = key;
    if (fs::path(path).extension() == ".zarr") {
      how.pyramid_levels = -1;
      how.shard = chosen_.unit;
    } else if (fs::path(path).extension().empty()) {
      how.slice_names = slice_names_;
    }
    return store::create(path, how);
  }

  std::string write_overlays(const core::IntensityRange& range) const {
    const fs::path folder = fs::path(sibling_path(output_, "overlay")).replace_extension("");
    fs::create_directories(folder);
    const auto labels = store::open(output_);
    const std::int64_t depth = input_.shape()[0];
    const std::int64_t count = std::min<std::int64_t>(depth, kOverlaySlices);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t z = (2 * i + 1) * depth / (2 * count);
      const core::Box3 box = core::slice_box(input_.shape(), 0, z);
      const auto picture =
          report::overlay("", core::to_uint8(input_.read(box), range), labels->read(box));
      const std::string name = slice_names_.empty()
                                   ? fmt::format("z{:05}.png", z)
                                   : slice_names_[static_cast<std::size_t>(z)] + ".png";
      core::write_atomically(folder / name, report::encode_png(picture.pixels));
    }
    return folder.string();
  }

  PredictionSetup& setup_;
  const core::Volume& input_;
  engine::AxesMode mode_;
  std::string output_;
  std::vector<std::string> slice_names_;
  const core::Context& context_;
  UnitPlan chosen_;
};

}  // namespace

PredictReport predict_one(PredictionSetup& setup, const core::Volume& input, engine::AxesMode mode,
                          const std::string& output, const std::vector<std::string>& slice_names,
                          const core::Context& context) {
  OneVolume volume(setup, input, mode, output, slice_names, context);
  return setup.options.dry_run ? volume.plan() : volume.run();
}

}  // namespace retina::pipeline
