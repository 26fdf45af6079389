#include "retina/pipeline/predict/volume_prediction.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/resampled_volume.h"
#include "retina/label/block_grid.h"
#include "retina/pipeline/evaluate/decided_volume.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/overlay_pictures.h"
#include "retina/pipeline/predict/volume_job.h"
#include "retina/pipeline/predict/volume_outputs.h"
#include "retina/store/finish_record.h"
#include "retina/store/open.h"
#include "retina/store/output_place.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kCopiedVoxels = std::int64_t{1} << 24;

core::IntensityRange told_range(const PredictionSetup& setup, const core::Volume& input,
                                const core::Context& context) {
  const InputRange found = input_range(setup, input);
  if (!found.note.empty()) {
    context.log->warn(found.note);
  }
  if (!found.source.empty()) {
    const core::VolumeInfo& info = input.info();
    context.log->info("'{}': {} values {} to {} become 0 to 255 ({})", info.source,
                      core::name_of(info.dtype), found.range.low, found.range.high, found.source);
  }
  return found.range;
}

std::string key_of(const VolumeJob& job, const core::IntensityRange& range) {
  const core::Vec3& seen_shape = job.seen().shape();
  return resume_key(job.setup, {{"input", store::source_identity(job.input.info())},
                                {"network_shape", {seen_shape[0], seen_shape[1], seen_shape[2]}},
                                {"unit", {job.unit[0], job.unit[1], job.unit[2]}},
                                {"mode", core::enum_name(job.mode)},
                                {"range", core::options_to_json(range)}});
}

class VolumeRun {
 public:
  VolumeRun(const VolumeJob& job, const std::vector<std::string>& slice_names,
            const core::Context& context)
      : job_(job),
        setup_(job.setup),
        slice_names_(slice_names),
        context_(context),
        report_(planned_report(job)),
        range_(told_range(setup_, job.input, context)),
        key_(key_of(job, range_)),
        record_(name_outputs(), key_),
        overlays_(overlay_path(job.output)) {}

  PredictReport run() {
    const PredictOptions& options = setup_.options;
    if (options.overlay) {
      overlays_.refuse_existing(options.overwrite || record_.is_ours());
    }
    const engine::ConveyorTime time = job_.is_staged() ? run_staged() : run_direct();
    if (draws_overlays()) {
      overlays_.write(job_.input, range_, *store::open(job_.output), slice_names_);
    }
    record_.remove();
    report_.windows = setup_.predictor->windows_computed();
    report_.seconds = watch_.seconds();
    report_.device_busy = time.device_busy();
    return report_;
  }

 private:
  /// Paths of all outputs; those beside the labels are noted in the report.
  std::vector<std::string> name_outputs() {
    std::vector<std::string> outputs{job_.output};
    if (setup_.options.probabilities) {
      outputs.push_back(report_.probabilities =
                            probabilities_path(job_.output, setup_.predictor->channels()));
    }
    if (job_.wants_ids()) {
      outputs.push_back(report_.instances = instances_path(job_.output));
    }
    if (setup_.options.overlay) {
      outputs.push_back(report_.overlay = overlay_path(job_.output));
    }
    return outputs;
  }

  bool draws_overlays() const {
    return setup_.options.overlay && !record_.is_finished(report_.overlay);
  }

  engine::ConveyorTime predict(const engine::VolumeTargets& targets) {
    engine::VolumeOptions options;
    options.rounding = setup_.rounding();
    options.threshold = setup_.threshold;
    options.range = range_;
    options.scratch = store::output_place(job_.output).partial.string() + ".scratch";
    options.resume_key = key_;
    return engine::predict_volume(job_.seen(), *setup_.predictor, job_.plan, job_.mode, targets,
                                  options, context_);
  }

  engine::ConveyorTime run_direct() {
    const auto labels = create_unfinished(job_.output, output_options());
    const auto probabilities = setup_.options.probabilities
                                   ? create_unfinished(report_.probabilities, probability_options())
                                   : nullptr;
    const engine::ConveyorTime time =
        predict({.labels = target_of(labels.get(), job_.unit),
                 .probabilities = target_of(probabilities.get(), job_.unit)});
    begin_finishing();
    for (store::OutputVolume* volume : {probabilities.get(), labels.get()}) {
      if (volume != nullptr) {
        volume->finish();
      }
    }
    return time;
  }

  /// The network's results go to a store beside the output, which a repeated command continues;
  /// what the user wants is made from it.
  engine::ConveyorTime run_staged() {
    refuse_late_refusals();
    const std::shared_ptr<store::OutputVolume> raw = create(raw_path(job_.output), raw_options());
    const auto probabilities = setup_.options.probabilities
                                   ? create(report_.probabilities, probability_options())
                                   : nullptr;
    engine::VolumeTargets targets;
    (job_.scaled ? targets.probabilities : targets.labels) = target_of(raw.get(), job_.unit);
    if (!job_.scaled) {
      targets.probabilities = target_of(probabilities.get(), job_.unit);
    }
    const engine::ConveyorTime time = predict(targets);
    begin_finishing();  // what follows is made again from the stored results if it is interrupted
    finish_staged(raw, probabilities.get());
    fs::remove_all(store::output_place(raw_path(job_.output)).partial);
    return time;
  }

  /// `probabilities`: null = not wanted; written by the network unless it saw another scale.
  void finish_staged(const std::shared_ptr<store::OutputVolume>& raw,
                     store::OutputVolume* probabilities) {
    if (job_.scaled) {
      const auto at_input_scale = std::make_shared<core::ResampledVolume>(raw, job_.input.shape(),
                                                                          core::Resampling::smooth);
      if (probabilities != nullptr) {
        copy(*at_input_scale, *probabilities);
      }
      clean(DecidedVolume(at_input_scale, setup_.threshold));
    } else {
      clean(*raw);
    }
    if (probabilities != nullptr) {
      probabilities->finish();
    }
  }

  void clean(const core::Volume& labels) {
    const CleanedTargets targets{
        .labels = [&] { return create(job_.output, output_options()); },
        .ids = [&](core::DType dtype) { return create(report_.instances, id_options(dtype)); }};
    const CleanedCounts counts =
        write_cleaned(labels, job_.rules, targets, job_.max_bytes, context_);
    report_.objects = counts.objects;
    report_.objects_removed = counts.removed;
    report_.holes_filled = counts.holes;
  }

  void copy(const core::Volume& from, store::OutputVolume& to) const {
    const std::int64_t per_voxel = std::int64_t{2} * from.info().channels;
    const label::BlockGrid grid(
        from.shape(), label::block_of_units(from.shape(), to.write_unit(),
                                            std::min(job_.max_bytes / per_voxel, kCopiedVoxels)));
    for (std::int64_t number = 0; number < grid.count(); ++number) {
      context_.check_stop();
      to.write(grid.box(number), from.read(grid.box(number)));
    }
  }

  /// What is made after the network has run for hours must not be refused only then.
  void refuse_late_refusals() const {
    create(job_.output, output_options());
    if (job_.wants_ids()) {
      create(report_.instances, id_options(core::DType::u32));
    }
  }

  store::CreateOptions output_options() const {
    const core::VolumeInfo& input = job_.input.info();
    store::CreateOptions how;
    how.shape = input.shape;
    how.voxel_nm = input.voxel_nm;
    how.offset_nm = input.offset_nm;
    how.is_labels = true;
    how.overwrite = setup_.options.overwrite || record_.is_ours();
    how.resume_key = key_;
    how.stop = context_.stop;
    how.pyramid_levels = -1;
    how.slice_names = slice_names_;
    return how;
  }

  store::CreateOptions probability_options() const {
    store::CreateOptions how = output_options();
    how.channels = setup_.predictor->channels();
    how.is_labels = false;
    return how;
  }

  store::CreateOptions id_options(core::DType dtype) const {
    store::CreateOptions how = output_options();
    how.dtype = dtype;
    how.slice_names = {};
    return how;
  }

  store::CreateOptions raw_options() const {
    store::CreateOptions how = output_options();
    how.channels = job_.raw_channels();
    how.shape = job_.seen().shape();
    how.voxel_nm = job_.seen().info().voxel_nm;
    how.pyramid_levels = 0;
    how.slice_names = {};
    return how;
  }

  std::unique_ptr<store::OutputVolume> create(const std::string& path,
                                              const store::CreateOptions& how) const {
    return create_output(path, how, job_.unit);
  }

  /// Null for an output that an earlier run has finished.
  std::unique_ptr<store::OutputVolume> create_unfinished(const std::string& path,
                                                         const store::CreateOptions& how) const {
    if (record_.is_finished(path)) {
      context_.log->info("'{}' is there from an earlier run", path);
      return nullptr;
    }
    return create(path, how);
  }

  /// The network is done. The record needs the unfinished folder of overlays, which are drawn last.
  void begin_finishing() {
    store::require_unchanged(job_.input.info(), job_.source);
    if (draws_overlays()) {
      overlays_.prepare(key_);
    }
    record_.begin();
  }

  const VolumeJob& job_;
  const PredictionSetup& setup_;
  const std::vector<std::string>& slice_names_;
  const core::Context& context_;
  PredictReport report_;
  core::IntensityRange range_;
  std::string key_;
  core::Stopwatch watch_;
  store::FinishRecord record_;
  SliceOverlays overlays_;
};

}  // namespace

PredictReport predict_one(const PredictionSetup& setup, const core::Volume& input,
                          engine::AxesMode mode, const std::string& output,
                          const std::vector<std::string>& slice_names,
                          const core::Context& context) {
  const VolumeJob job = make_volume_job(setup, input, mode, output, context);
  return setup.options.dry_run ? planned_report(job) : VolumeRun(job, slice_names, context).run();
}

}  // namespace retina::pipeline
