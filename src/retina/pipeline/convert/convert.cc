#include "retina/pipeline/convert/convert.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/core/finite.h"
#include "retina/core/json_text.h"
#include "retina/core/narrowing.h"
#include "retina/core/ordered_work.h"
#include "retina/core/resource_limits.h"
#include "retina/label/block_grid.h"
#include "retina/pipeline/convert/convert_plan.h"
#include "retina/pipeline/convert/narrowing_check.h"
#include "retina/pipeline/convert/pyramid_levels.h"
#include "retina/pipeline/convert/voxel_meter.h"
#include "retina/pipeline/scratch_folder.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/finish_record.h"
#include "retina/store/location.h"
#include "retina/store/open.h"
#include "retina/store/source_identity.h"
#include "retina/tensor/device.h"

namespace retina::pipeline {

namespace fs = std::filesystem;

namespace {

core::Vec3 sides_or_default(const std::vector<std::int64_t>& zyx) {
  return zyx.empty() ? core::Vec3{0, 0, 0} : core::Vec3{zyx[0], zyx[1], zyx[2]};
}

std::int64_t value_bytes(core::DType dtype) {
  return static_cast<std::int64_t>(core::size_of(dtype));
}

class Converter {
 public:
  Converter(const core::Volume& input, const ConvertOptions& options, const core::Context& context)
      : input_(input), options_(options), context_(context) {
    const core::VolumeInfo& info = input.info();
    report_.input = info;
    report_.output = options.output;
    report_.crop = parse_crop(options.crop, info.shape);
    report_.dtype = options.dtype.empty() ? info.dtype : *core::parse_dtype(options.dtype);
    report_.checks_values =
        options.input_range.empty() && !core::always_fits(info.dtype, report_.dtype);
    report_.dry_run = options.dry_run;
    report_.notes = info.notes;
    if (!options.input_range.empty()) {
      range_ = {.low = options.input_range[0], .high = options.input_range[1]};
    }
    threads_ = options.threads > 0 ? options.threads : core::usable_cores() + 1;
    note_labels_of_the_file();
    note_mean_of_ids();
  }

  ConvertReport plan() {
    const ScratchFolder folder;
    const fs::path probe = folder.path() / fs::absolute(options_.output).relative_path();
    fs::create_directories(probe.parent_path());
    store::CreateOptions how = create_options();
    require_new_output(how);
    how.resume_key.clear();
    how.needs_image = false;  // which does not lie beside the probe
    plan_for(*store::create(probe.string(), how));
    return report_;
  }

  ConvertReport run() {
    const core::Stopwatch watch;
    const store::CreateOptions how = create_options();
    store::FinishRecord record({options_.output}, how.resume_key);
    if (record.is_finished(options_.output)) {
      report_.format = store::open(options_.output)->info().format;
      note("the output is there from an earlier run");
    } else {
      write(how, record);
    }
    record.remove();
    report_.seconds = watch.seconds();
    report_.peak_rss_bytes = core::peak_rss_bytes();
    return report_;
  }

 private:
  void write(const store::CreateOptions& how, store::FinishRecord& record) {
    require_new_output(how);
    if (report_.checks_values) {
      check_values();  // before the output exists: a refused conversion leaves nothing behind
    }
    const auto output = store::create(options_.output, how);
    plan_for(*output);
    copy(*output);
    store::require_unchanged(input_.info(), source_);
    context_.log->info("finishing '{}'", options_.output);
    record.begin();
    output->finish();
  }

  void note(std::string text) {
    context_.log->warn(text);
    report_.notes.push_back(std::move(text));
  }

  /// Whoever maps intensities says that the values are none.
  void note_labels_of_the_file() {
    const core::VolumeInfo& info = input_.info();
    if (!is_labels_ && info.is_labels && core::is_integer(info.dtype) && !range_) {
      is_labels_ = true;
      note("the file says that its values are label ids: converted as with --labels");
    }
  }

  void note_mean_of_ids() {
    if (!is_labels_ && core::is_integer(report_.dtype) && value_bytes(report_.dtype) >= 4 &&
        options_.pyramid != "0") {
      note(
          fmt::format("{} values are taken for intensities, and the pyramid is made of means: pass "
                      "--labels if they are label ids",
                      core::name_of(report_.dtype)));
    }
  }

  store::CreateOptions create_options() {
    const core::VolumeInfo& info = input_.info();
    store::CreateOptions how;
    how.dtype = report_.dtype;
    how.channels = info.channels;
    how.shape = report_.crop.shape;
    how.voxel_nm = info.voxel_nm;
    how.offset_nm = info.offset_nm;
    for (std::size_t a = 0; a < 3 && info.voxel_nm; ++a) {
      how.offset_nm[a] += static_cast<double>(report_.crop.start[a]) * (*info.voxel_nm)[a];
    }
    if (!info.voxel_nm && report_.crop.start != core::Vec3{0, 0, 0}) {
      note("the voxel size is not known, so the place of the part in the volume is not stored");
    }
    how.is_labels = is_labels_;
    how.pyramid_levels = *parse_pyramid_levels(options_.pyramid);
    how.chunk = sides_or_default(options_.chunk);
    how.shard = sides_or_default(options_.shard);
    how.compression = options_.compression;
    how.zarr_version = options_.zarr_version;
    how.overwrite = options_.overwrite;
    how.stop = context_.stop;
    how.resume_key = resume_key_text();
    return how;
  }

  /// Names the plan: equal keys give equal outputs.
  std::string resume_key_text() const {
    const Json key = {{"convert", source_},
                      {"crop", report_.crop.start},
                      {"size", report_.crop.shape},
                      {"dtype", core::name_of(report_.dtype)},
                      {"range", options_.input_range},
                      {"labels", is_labels_},
                      {"pyramid", options_.pyramid},
                      {"chunk", options_.chunk},
                      {"shard", options_.shard},
                      {"compression", core::enum_name(options_.compression)},
                      {"zarr_version", core::enum_name(options_.zarr_version)}};
    return core::dump_json(key);
  }

  void plan_for(const store::OutputVolume& output) {
    const core::VolumeInfo& info = input_.info();
    order_ = output.write_order() == store::WriteOrder::any ? core::CommitOrder::any
                                                            : core::CommitOrder::ascending;
    report_.format = output.info().format;
    const std::int64_t in_bytes = info.channels * value_bytes(info.dtype);
    const std::int64_t out_bytes = info.channels * value_bytes(report_.dtype);
    const bool converts = info.dtype != report_.dtype || range_.has_value();
    // what is read, what it becomes, and as much again for encoding
    const std::int64_t carried = in_bytes + (converts ? out_bytes : 0) + 2 * out_bytes;
    const core::Box3 unit =
        core::intersect(core::whole(output.write_unit()), core::whole(report_.crop.shape));
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
    const MemoryShare share = share_of_memory(std::min(unit.voxels(), kMost / carried) * carried);
    report_.block = plan_blocks({.shape = report_.crop.shape,
                                 .unit = output.write_unit(),
                                 .chunk = info.chunk,
                                 .voxel_bytes = carried,
                                 .max_bytes = share.block_bytes});
    grid_ = label::BlockGrid(report_.crop.shape, report_.block);
    report_.blocks = grid_.count();
    const std::int64_t voxels = report_.crop.voxels();
    report_.bytes_read = voxels * in_bytes * (report_.checks_values ? 2 : 1);
    report_.bytes_written = voxels * out_bytes;
    report_.planned_peak_bytes = std::min<std::int64_t>(threads_, grid_.count()) *
                                 (grid_.box(0).voxels() * carried + share.decoding_bytes);
  }

  /// Memory for blocks of at least `unit_bytes`; fewer threads where it is not enough for all.
  MemoryShare share_of_memory(std::int64_t unit_bytes) {
    const std::int64_t limit = core::memory_limit(options_.max_ram);
    const MemoryShare share = share_memory({.limit = limit,
                                            .taken = bytes_taken_,
                                            .chunk_bytes = decoded_chunk_bytes(input_.info()),
                                            .unit_bytes = unit_bytes,
                                            .threads = threads_});
    if (share.threads < threads_) {
      context_.log->info("--max-ram {} is enough for {} of {} threads", core::format_size(limit),
                         share.threads, threads_);
      threads_ = share.threads;
    }
    store::shared_cache().set_budget(share.cache_bytes);
    return share;
  }

  void require_new_output(const store::CreateOptions& how) const {
    store::refuse_replacing_input(input_.info().source, options_.output);
    const store::Location place = store::parse_location(options_.output);
    store::refuse_existing(place.inner.empty() ? place.file : place.file / place.inner, how);
  }

  /// `box` of the result, as stored in the input.
  core::Array read(core::Box3 box) const {
    for (std::size_t a = 0; a < 3; ++a) {
      box.start[a] += report_.crop.start[a];
    }
    return input_.read(box);
  }

  core::Array transform(core::Array block) const {
    if (range_) {
      non_finite_ += core::count_non_finite(block);
      return core::map_range(block, *range_, report_.dtype);
    }
    return block.dtype() == report_.dtype ? std::move(block) : core::convert(block, report_.dtype);
  }

  /// One pass over all values, before any is written.
  void check_values() {
    const core::VolumeInfo& info = input_.info();
    const std::int64_t voxel_bytes = info.channels * value_bytes(info.dtype);
    const core::Vec3 block = plan_blocks({.shape = report_.crop.shape,
                                          .unit = {1, 1, 1},
                                          .chunk = info.chunk,
                                          .voxel_bytes = voxel_bytes,
                                          .max_bytes = share_of_memory(0).block_bytes});
    note(check_narrowing(input_,
                         {.shape = report_.crop.shape,
                          .block = block,
                          .read = [this](const core::Box3& box) { return read(box); },
                          .to = report_.dtype,
                          .is_labels = is_labels_,
                          .allow_narrowing = options_.allow_narrowing,
                          .threads = threads_},
                         context_));
  }

  void copy(store::OutputVolume& output) {
    std::atomic<std::int64_t> kept{0};
    VoxelMeter meter({.job = "convert",
                      .voxels = report_.crop.voxels(),
                      .voxel_bytes = input_.info().channels * value_bytes(report_.dtype)},
                     *context_.progress);
    core::run_work(
        grid_.count(), {.threads = threads_, .order = order_},
        [&](std::int64_t i) -> std::optional<core::Array> {
          if (output.is_written(grid_.box(i))) {
            ++kept;
            return std::nullopt;
          }
          return transform(read(grid_.box(i)));
        },
        [&](std::int64_t i, std::optional<core::Array> block) {
          if (block) {
            output.write(grid_.box(i), *block);
          }
          meter.add(grid_.box(i).voxels());
        },
        context_);
    report_.blocks_kept = kept;
    if (non_finite_ > 0) {
      note(fmt::format("{} values are no numbers: NaN became 0, infinity the end of the range",
                       non_finite_.load()));
    }
  }

  const core::Volume& input_;
  const Json source_ = store::source_identity(input_.info());
  const ConvertOptions& options_;
  const core::Context& context_;
  /// That this process holds, libraries included. Asked once: blocks of the check count as free.
  const std::int64_t bytes_taken_ = core::peak_rss_bytes();
  ConvertReport report_;
  std::optional<core::IntensityRange> range_;
  mutable std::atomic<std::int64_t> non_finite_{0};  ///< among the values that were mapped
  bool is_labels_ = options_.labels;                 ///< ids, never mapped nor clipped
  label::BlockGrid grid_{{0, 0, 0}, {1, 1, 1}};
  core::CommitOrder order_ = core::CommitOrder::any;
  int threads_ = 1;
};

}  // namespace

ConvertReport convert_volume(const core::Volume& input, const ConvertOptions& options,
                             const core::Context& context) {
  Converter converter(input, options, context);
  return options.dry_run ? converter.plan() : converter.run();
}

ConvertReport convert(const ConvertOptions& options, const core::Context& context) {
  throw_if_any(ErrorKind::usage, "convert: the options have problems", options.validate());
  store::refuse_replacing_input(options.input, options.output);
  tensor::keep_freed_memory();  // blocks come and go: else the kernel clears each one's pages anew
  const auto input = store::open(options.input, options.reading.open_options());
  return convert_volume(*input, options, context);
}

}  // namespace retina::pipeline
