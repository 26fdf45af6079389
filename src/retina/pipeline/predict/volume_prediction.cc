#include "retina/pipeline/predict/volume_prediction.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/core/resampled_volume.h"
#include "retina/pipeline/evaluate/decided_volume.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/physical_scale.h"
#include "retina/report/picture.h"
#include "retina/report/png.h"
#include "retina/store/finish_record.h"
#include "retina/store/open.h"
#include "retina/store/output_place.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr int kOverlaySlices = 9;
constexpr std::int64_t kCopiedVoxels = std::int64_t{1} << 24;

/// True for a form that stores blocks rather than planes.
bool stores_blocks(const std::string& path) {
  const store::OutputPlace place = store::output_place(path);
  return place.is_zarr || place.is_hdf5 || place.extension == ".precomputed";
}

/// Storage units to try, the largest first, smaller ones where memory is short: shards of OME-Zarr,
/// whole chunks of HDF5 and precomputed. A chunk that is there counts as written, so no block may
/// end inside one.
std::vector<core::Vec3> storage_units(const std::string& output, const core::Vec3& shape) {
  if (!stores_blocks(output)) {
    return {{1, shape[1], shape[2]}};
  }
  if (shape[0] == 1) {
    return {{1, 2048, 2048}, {1, 512, 512}};
  }
  std::vector<core::Vec3> units{{64, 512, 512}, {64, 256, 256}, {64, 128, 128}};
  const store::OutputPlace place = store::output_place(output);
  if (place.is_zarr) {
    units.push_back({32, 64, 64});
    units.push_back({8, 64, 64});
  } else {
    units.push_back(place.is_hdf5 ? core::Vec3{32, 64, 64} : core::Vec3{64, 64, 64});
  }
  return units;
}

/// Chunks of OME-Zarr that divide a storage unit: zarr v2, which labels in an older image are, has
/// no shards, and its chunks are its units.
core::Vec3 chunk_in(const core::Vec3& unit) {
  const std::int64_t side = unit[0] == 1 ? 256 : 64;
  return {std::min(side, unit[0]), std::min(side, unit[1]), std::min(side, unit[2])};
}

struct UnitPlan {
  core::Vec3 unit;
  engine::VolumePlan plan;
};

/// A view of a volume that stays where it is.
std::shared_ptr<const core::Volume> borrowed(const core::Volume& volume) {
  return {std::shared_ptr<const core::Volume>{}, &volume};
}

/// Where blocks of whole `unit`s go. An output that stores larger ones would take a part for the
/// whole when the job goes on: internal error.
engine::VolumeTarget target_of(store::OutputVolume* volume, const core::Vec3& unit) {
  if (volume == nullptr) {
    return {};
  }
  for (std::size_t a = 0; a < 3; ++a) {
    if (unit[a] < volume->shape()[a] && unit[a] % volume->write_unit()[a] != 0) {
      throw Error(ErrorKind::internal,
                  fmt::format("'{}' stores units of {}, blocks are of {}", volume->info().source,
                              core::to_string(volume->write_unit()), core::to_string(unit)));
    }
  }
  return {volume, [volume](const core::Box3& box) { return volume->is_written(box); }};
}

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
        context_(context),
        rules_(clean_rules(setup.postprocess, input.info(), mode)) {
    warn_of_anisotropy();
    log_scale(setup_, input_.info(), mode_, context_);
    const core::Vec3 shape = network_shape(setup_, input_.info(), mode_);
    if (shape != input_.shape()) {
      scaled_ = std::make_unique<core::ResampledVolume>(borrowed(input_), shape,
                                                        core::Resampling::smooth);
    }
    max_bytes_ = buffer_bytes(setup_, largest_batch());
    chosen_ = choose_plan();
    if (is_staged()) {
      check_finishing_memory();
    }
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
    if (is_staged()) {
      report.scratch_bytes += core::whole(seen().shape()).voxels() * raw_channels();
      report.bytes_written = report.voxels * bytes_per_written_voxel();
    }
    report.planned_peak_bytes = plan.peak_bytes;
    return report;
  }

  PredictReport run() {
    PredictReport report = plan();
    const core::IntensityRange range = told_range();
    const std::string key = key_of(range);
    const core::Stopwatch watch;
    store::FinishRecord record(outputs_of(report), key);
    refuse_existing_overlays(record);
    const engine::ConveyorTime time = is_staged() ? run_staged(range, key, record, report)
                                                  : run_direct(range, key, record, report);
    if (setup_.options.overlay && !record.is_finished(report.overlay)) {
      write_overlays(range);
    }
    record.remove();
    report.windows = setup_.predictor->windows_computed();
    report.seconds = watch.seconds();
    report.device_busy = time.device_busy();
    return report;
  }

 private:
  /// Paths of all outputs; those beside the labels are noted in the report.
  std::vector<std::string> outputs_of(PredictReport& report) const {
    std::vector<std::string> outputs{output_};
    if (setup_.options.probabilities) {
      outputs.push_back(report.probabilities = probabilities_path());
    }
    if (rules_.ids == label::ObjectIds::wanted) {
      outputs.push_back(report.instances = instances_path());
    }
    if (setup_.options.overlay) {
      outputs.push_back(report.overlay = overlay_path());
    }
    return outputs;
  }

  /// What the network is given: the input, or a view of it at the model's scale.
  const core::Volume& seen() const { return scaled_ ? *scaled_ : input_; }

  /// True if the network's results are stored aside first: at another scale, or to be cleaned.
  bool is_staged() const { return scaled_ != nullptr || cleans(rules_); }
  int raw_channels() const { return scaled_ ? setup_.predictor->channels() : 1; }

  std::int64_t bytes_per_written_voxel() const {
    const std::int64_t probabilities =
        setup_.options.probabilities ? setup_.predictor->channels() : 0;
    const std::int64_t ids = rules_.ids == label::ObjectIds::wanted ? 4 : 0;
    return 1 + probabilities + ids;
  }

  engine::ConveyorTime predict(const core::IntensityRange& range, const std::string& key,
                               const engine::VolumeTargets& targets) {
    engine::VolumeOptions options;
    options.rounding = setup_.rounding();
    options.threshold = setup_.threshold;
    options.range = range;
    options.scratch = store::output_place(output_).partial.string() + ".scratch";
    options.resume_key = key;
    return engine::predict_volume(seen(), *setup_.predictor, chosen_.plan, mode_, targets, options,
                                  context_);
  }

  engine::ConveyorTime run_direct(const core::IntensityRange& range, const std::string& key,
                                  store::FinishRecord& record, const PredictReport& report) {
    const auto labels = create_unfinished(output_, output_options(key, record), record);
    const auto probabilities =
        setup_.options.probabilities
            ? create_unfinished(report.probabilities, probability_options(key, record), record)
            : nullptr;
    const engine::ConveyorTime time =
        predict(range, key,
                {.labels = target_of(labels.get(), chosen_.unit),
                 .probabilities = target_of(probabilities.get(), chosen_.unit)});
    begin_finishing(key, record);
    for (store::OutputVolume* volume : {probabilities.get(), labels.get()}) {
      if (volume != nullptr) {
        volume->finish();
      }
    }
    return time;
  }

  /// The network's results go to a store beside the output, which a repeated command continues;
  /// what the user wants is made from it.
  engine::ConveyorTime run_staged(const core::IntensityRange& range, const std::string& key,
                                  store::FinishRecord& record, PredictReport& report) {
    refuse_late_refusals(key, record);
    store::CreateOptions how = output_options(key, record);
    how.channels = raw_channels();
    how.shape = seen().shape();
    how.voxel_nm = seen().info().voxel_nm;
    how.pyramid_levels = 0;
    how.slice_names = {};
    const auto raw = create(raw_path(), how);
    const auto probabilities = setup_.options.probabilities
                                   ? create(report.probabilities, probability_options(key, record))
                                   : nullptr;
    engine::VolumeTargets targets;
    (scaled_ ? targets.probabilities : targets.labels) = target_of(raw.get(), chosen_.unit);
    if (!scaled_) {
      targets.probabilities = target_of(probabilities.get(), chosen_.unit);
    }
    const engine::ConveyorTime time = predict(range, key, targets);
    begin_finishing(
        key, record);  // what follows is made again from the stored results if it is interrupted
    if (scaled_) {
      const auto at_input_scale = std::make_shared<core::ResampledVolume>(
          borrowed(*raw), input_.shape(), core::Resampling::smooth);
      if (probabilities) {
        copy(*at_input_scale, *probabilities);
      }
      clean(DecidedVolume(at_input_scale, setup_.threshold), output_options(key, record), report);
    } else {
      clean(*raw, output_options(key, record), report);
    }
    if (probabilities) {
      probabilities->finish();
    }
    fs::remove_all(store::output_place(raw_path()).partial);
    return time;
  }

  void clean(const core::Volume& labels, const store::CreateOptions& options,
             PredictReport& report) {
    const CleanedTargets targets{.labels = [&] { return create(output_, options); },
                                 .ids =
                                     [&](core::DType dtype) {
                                       store::CreateOptions how = options;
                                       how.dtype = dtype;
                                       how.slice_names = {};
                                       return create(instances_path(), how);
                                     }};
    const CleanedCounts counts = write_cleaned(labels, rules_, targets, max_bytes_, context_);
    report.objects = counts.objects;
    report.objects_removed = counts.removed;
    report.holes_filled = counts.holes;
  }

  void copy(const core::Volume& from, store::OutputVolume& to) const {
    const std::int64_t per_voxel = std::int64_t{2} * from.info().channels;
    const label::BlockGrid grid(
        from.shape(), label::block_of_units(from.shape(), to.write_unit(),
                                            std::min(max_bytes_ / per_voxel, kCopiedVoxels)));
    for (std::int64_t number = 0; number < grid.count(); ++number) {
      context_.check_stop();
      to.write(grid.box(number), from.read(grid.box(number)));
    }
  }

  /// What is made after the network has run for hours must not be refused only then.
  void refuse_late_refusals(const std::string& key, const store::FinishRecord& record) const {
    store::CreateOptions how = output_options(key, record);
    create(output_, how);
    if (rules_.ids == label::ObjectIds::wanted) {
      how.dtype = core::DType::u32;
      how.slice_names.clear();
      create(instances_path(), how);
    }
  }

  /// Finishing works on whole storage units, and what it needs must be known before the network
  /// runs for hours.
  void check_finishing_memory() const {
    const core::Vec3& shape = input_.shape();
    const core::Vec3 unit =
        stores_blocks(output_) ? chosen_.unit : core::Vec3{1, shape[1], shape[2]};
    const core::Vec3 least = label::block_of_units(shape, unit, 1);
    const std::int64_t needed = core::whole(least).voxels() * kCleaningBytesPerVoxel;
    if (needed > max_bytes_) {
      throw Error(ErrorKind::resource,
                  Problem{.subject = fmt::format("output '{}'", output_),
                          .found = fmt::format("cleaning or rescaling needs {} for one page",
                                               core::format_size(needed)),
                          .expected = fmt::format("at most {} are left of --max-ram",
                                                  core::format_size(max_bytes_)),
                          .remedy = "raise --max-ram, or write a .zarr"});
    }
  }

  core::IntensityRange told_range() const {
    const InputRange found = input_range(setup_, input_);
    if (!found.note.empty()) {
      context_.log->warn(found.note);
    }
    if (!found.source.empty()) {
      const core::VolumeInfo& info = input_.info();
      context_.log->info("'{}': {} values {} to {} become 0 to 255 ({})", info.source,
                         core::name_of(info.dtype), found.range.low, found.range.high,
                         found.source);
    }
    return found.range;
  }

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
        const auto side = [&](int of) { return seen().shape()[static_cast<std::size_t>(of)]; };
        batch = std::max(
            batch,
            setup_.predictor->series(side(axes.plane), side(axes.row), side(axes.column)).batch);
      }
    }
    return batch;
  }

  UnitPlan choose_plan() const {
    engine::VolumePlanOptions options{.mode = mode_,
                                      .probabilities = setup_.options.probabilities || scaled_,
                                      .unit = {1, 1, 1},
                                      .max_bytes = max_bytes_};
    const std::vector<core::Vec3> units = usable_units();
    for (std::size_t i = 0;; ++i) {
      options.unit = units[i];
      try {
        return {units[i], engine::plan_volume(seen().info(), *setup_.predictor, options)};
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::resource || i + 1 == units.size()) {
          throw;
        }
      }
    }
  }

  /// Staged results lie in OME-Zarr, which takes any blocks, and blocks are cleaned whole. Maps
  /// that the network writes beside them have the form of the output.
  std::vector<core::Vec3> usable_units() const {
    const bool maps_beside = setup_.options.probabilities && !scaled_;
    const bool is_free = is_staged() && !maps_beside && !stores_blocks(output_);
    std::vector<core::Vec3> units = storage_units(is_free ? raw_path() : output_, seen().shape());
    while (is_staged() && units.size() > 1 &&
           core::whole(units.front()).voxels() * kCleaningBytesPerVoxel > max_bytes_) {
      units.erase(units.begin());
    }
    return units;
  }

  std::string key_of(const core::IntensityRange& range) const {
    const core::Vec3& seen_shape = seen().shape();
    return resume_key(setup_, {{"input", store::source_identity(input_.info())},
                               {"network_shape", {seen_shape[0], seen_shape[1], seen_shape[2]}},
                               {"unit", {chosen_.unit[0], chosen_.unit[1], chosen_.unit[2]}},
                               {"mode", core::enum_name(mode_)},
                               {"range", core::options_to_json(range)}});
  }

  /// PNG holds one class; the maps of several become the pages of a TIFF stack.
  std::string probabilities_path() const {
    std::string path = sibling_path(output_, "probabilities");
    const std::string extension = store::output_place(path).extension;
    if (setup_.predictor->channels() > 1 && (extension == ".png" || extension.empty())) {
      path = fs::path(path).replace_extension(".tif").string();
    }
    return path;
  }

  /// PNG holds 65,535 ids at most; those of slices become the pages of a TIFF stack.
  std::string instances_path() const {
    const std::string path = sibling_path(output_, "instances");
    return stores_blocks(output_) ? path : fs::path(path).replace_extension(".tif").string();
  }

  /// A folder of PNG files.
  std::string overlay_path() const { return outside_path(output_, "overlay").string(); }

  /// Only its unfinished form ever exists.
  std::string raw_path() const {
    const fs::path path = outside_path(output_, "raw");
    return (path.parent_path() / ("." + path.filename().string() + ".zarr")).string();
  }

  store::CreateOptions output_options(const std::string& key,
                                      const store::FinishRecord& record) const {
    store::CreateOptions how;
    how.shape = input_.shape();
    how.voxel_nm = input_.info().voxel_nm;
    how.offset_nm = input_.info().offset_nm;
    how.is_labels = true;
    how.overwrite = setup_.options.overwrite || record.is_ours();
    how.resume_key = key;
    how.stop = context_.stop;
    how.pyramid_levels = -1;
    how.slice_names = slice_names_;
    return how;
  }

  store::CreateOptions probability_options(const std::string& key,
                                           const store::FinishRecord& record) const {
    store::CreateOptions how = output_options(key, record);
    how.channels = setup_.predictor->channels();
    how.is_labels = false;
    return how;
  }

  /// Null for an output that an earlier run has finished.
  std::unique_ptr<store::OutputVolume> create_unfinished(const std::string& path,
                                                         const store::CreateOptions& how,
                                                         const store::FinishRecord& record) const {
    if (record.is_finished(path)) {
      context_.log->info("'{}' is there from an earlier run", path);
      return nullptr;
    }
    return create(path, how);
  }

  /// Pyramids are of OME-Zarr, units of what stores blocks, slice names of folders.
  std::unique_ptr<store::OutputVolume> create(const std::string& path,
                                              store::CreateOptions how) const {
    const store::OutputPlace place = store::output_place(path);
    if (place.is_zarr || place.is_hdf5) {
      how.shard = chosen_.unit;
    }
    if (place.is_zarr) {
      how.chunk = chunk_in(chosen_.unit);
    } else {
      how.pyramid_levels = 0;
    }
    if (!place.extension.empty()) {
      how.slice_names.clear();
    }
    return store::create(path, how);
  }

  /// Known before the network runs for hours.
  void refuse_existing_overlays(const store::FinishRecord& record) const {
    store::CreateOptions how;
    how.overwrite = setup_.options.overwrite || record.is_ours();
    if (setup_.options.overlay) {
      store::refuse_existing(overlay_path(), how);
      if (fs::is_directory(overlay_path())) {
        store::refuse_foreign(
            overlay_path(),
            store::foreign_entries(overlay_path(), [](const fs::directory_entry& entry) {
              return entry.is_regular_file() && store::extension_of(entry.path()) == ".png";
            }));
      }
    }
  }

  /// The network is done. The record needs the unfinished folder of overlays, which are drawn last.
  void begin_finishing(const std::string& key, store::FinishRecord& record) {
    store::require_unchanged(input_.info(), source_);
    if (setup_.options.overlay && !record.is_finished(overlay_path())) {
      store::CreateOptions how;
      how.resume_key = key;
      how.overwrite = true;  // of a few pictures that an earlier run never finished
      overlay_lock_ = core::OutputLock(overlay_path());
      store::prepare_partial_folder(core::partial_path(overlay_path()), how);
    }
    record.begin();
  }

  void write_overlays(const core::IntensityRange& range) const {
    const fs::path folder = core::partial_path(overlay_path());
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
    store::forget_resume_key(folder);
    core::rename_into_place(folder, overlay_path());
  }

  PredictionSetup& setup_;
  const core::Volume& input_;
  engine::AxesMode mode_;
  Json source_ = store::source_identity(input_.info());
  std::string output_;
  std::vector<std::string> slice_names_;
  const core::Context& context_;
  label::CleanRules rules_;
  std::unique_ptr<core::ResampledVolume> scaled_;  ///< null at the input's own scale
  std::int64_t max_bytes_ = 0;                     ///< of buffers
  UnitPlan chosen_;
  core::OutputLock overlay_lock_;
};

}  // namespace

PredictReport predict_one(PredictionSetup& setup, const core::Volume& input, engine::AxesMode mode,
                          const std::string& output, const std::vector<std::string>& slice_names,
                          const core::Context& context) {
  OneVolume volume(setup, input, mode, output, slice_names, context);
  return setup.options.dry_run ? volume.plan() : volume.run();
}

}  // namespace retina::pipeline
