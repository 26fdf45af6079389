#include "retina/store/precomputed/precomputed_writer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/file.h"
#include "retina/core/progress.h"
#include "retina/store/block.h"
#include "retina/store/downsample.h"
#include "retina/store/precomputed/precomputed_array.h"
#include "retina/store/precomputed/precomputed_metadata.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

void require_precomputed_can_hold(const Location& location, const CreateOptions& options) {
  std::vector<Problem> problems;
  if (options.dtype == core::DType::f64 || options.dtype == core::DType::i64) {
    problems.push_back({.subject = "type of the values",
                        .found = std::string(core::name_of(options.dtype)),
                        .expected = "(u)int8 to (u)int32, uint64 or float32",
                        .remedy = "convert the values, or write .zarr instead"});
  }
  if (options.shard != core::Vec3{0, 0, 0}) {
    problems.push_back({.subject = "shard",
                        .found = core::to_string(options.shard),
                        .expected = "none: a file is written for each chunk",
                        .remedy = "leave the shards out, or write .zarr instead"});
  }
  if (!location.inner.empty()) {
    problems.push_back({.subject = "scale",
                        .found = location.inner,
                        .expected = "the whole volume, whose scales name themselves",
                        .remedy = "leave out what follows the colon"});
  }
  throw_if_any(ErrorKind::usage, fmt::format("output '{}' cannot be made", location.text),
               problems);
}

/// 64 cubed, or 512 squared for one slice.
core::Vec3 choose_chunk(const CreateOptions& options) {
  core::Vec3 chunk = options.shape[0] == 1 ? core::Vec3{1, 512, 512} : core::Vec3{64, 64, 64};
  for (std::size_t i = 0; i < 3; ++i) {
    chunk[i] = options.chunk[i] > 0 ? options.chunk[i] : chunk[i];
  }
  return chunk;
}

std::string key_of(const core::Vec3d& voxel_nm) {
  return fmt::format("{:.10g}_{:.10g}_{:.10g}", voxel_nm[2], voxel_nm[1], voxel_nm[0]);
}

std::int64_t floor_div(std::int64_t value, std::int64_t divisor) {
  return value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor);
}

PrecomputedScale finest_scale(const CreateOptions& options) {
  PrecomputedScale scale;
  scale.shape = options.shape;
  scale.voxel_nm = options.voxel_nm.value_or(core::Vec3d{1, 1, 1});
  scale.chunk = choose_chunk(options);
  scale.key = key_of(scale.voxel_nm);
  for (std::size_t i = 0; i < 3 && options.voxel_nm; ++i) {
    scale.start[i] = std::llround(options.offset_nm[i] / scale.voxel_nm[i]);
  }
  const bool is_wide = options.dtype == core::DType::u32 || options.dtype == core::DType::u64;
  scale.encoding = options.is_labels && is_wide ? PrecomputedEncoding::compressed_segmentation
                                                : PrecomputedEncoding::raw;
  return scale;
}

/// Cells of `step` voxels are counted from the origin, not from the volume's corner, so that they
/// lie where the whole voxels of the coarse scale's offset say; those at the borders may be
/// partial.
PrecomputedScale coarser_scale(const PrecomputedScale& finer, const core::Vec3& step) {
  PrecomputedScale scale = finer;
  for (std::size_t i = 0; i < 3; ++i) {
    scale.start[i] = floor_div(finer.start[i], step[i]);
    const std::int64_t last = finer.start[i] + finer.shape[i] - 1;
    scale.shape[i] = floor_div(last, step[i]) - scale.start[i] + 1;
    scale.voxel_nm[i] *= static_cast<double>(step[i]);
  }
  scale.key = key_of(scale.voxel_nm);
  return scale;
}

PrecomputedInfo plan_scales(const CreateOptions& options, const std::vector<core::Vec3>& steps) {
  PrecomputedInfo info{.dtype = options.dtype,
                       .channels = options.channels,
                       .is_labels = options.is_labels,
                       .is_voxel_size_known = options.voxel_nm.has_value(),
                       .scales = {finest_scale(options)}};
  for (const core::Vec3& step : steps) {
    info.scales.push_back(coarser_scale(info.scales.back(), step));
  }
  return info;
}

class PrecomputedOutput final : public OutputVolume {
 public:
  PrecomputedOutput(const Location& location, const CreateOptions& options)
      : OutputVolume(
            output_info(location.text, "neuroglancer precomputed", options),
            core::intersect(core::whole(choose_chunk(options)), core::whole(options.shape)).shape),
        final_(location.file),
        partial_(core::partial_path(location.file)),
        steps_(pyramid_steps(options.shape, options.voxel_nm, options.pyramid_levels)),
        metadata_(plan_scales(options, steps_)),
        array_(partial_, metadata_, metadata_.scales.front()),
        stop_(options.stop) {
    info_.chunk = choose_chunk(options);
    note_rounded_offset(options);
    prepare_partial_folder(partial_, options);
  }

  bool is_written(const core::Box3& box) const override { return array_.has_chunks_of(box); }

  void finish() override {
    const std::lock_guard lock(finish_mutex_);
    if (is_finished_) {
      return;
    }
    write_coarser_scales();
    core::write_atomically(partial_ / "info", std::string_view(to_json(metadata_).dump(2)));
    core::rename_into_place(partial_, final_);
    forget_resume_key(final_);
    array_.set_volume(final_);
    is_finished_ = true;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override { return array_.read(box); }

  void write_box(const core::Box3& box, const core::Array& values) override {
    array_.write(box, values);
  }

 private:
  void note_rounded_offset(const CreateOptions& options) {
    const PrecomputedScale& scale = metadata_.scales.front();
    for (std::size_t i = 0; i < 3; ++i) {
      const double kept = static_cast<double>(scale.start[i]) * scale.voxel_nm[i];
      if (std::abs(kept - options.offset_nm[i]) > 1e-3 * scale.voxel_nm[i]) {
        info_.notes.push_back(
            fmt::format("offset {} nm: the format holds whole voxels of a known size",
                        core::to_string(options.offset_nm)));
        return;
      }
    }
  }

  void write_coarser_scales() {
    fs::create_directories(partial_ / metadata_.scales.front().key);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const PrecomputedArray finer(partial_, metadata_, metadata_.scales[i]);
      PrecomputedArray coarser(partial_, metadata_, metadata_.scales[i + 1]);
      fs::remove_all(partial_ / metadata_.scales[i + 1].key);  // of an interrupted finish()
      fs::create_directories(partial_ / metadata_.scales[i + 1].key);
      write_scale(finer, steps_[i], coarser);
    }
  }

  void write_scale(const PrecomputedArray& finer, const core::Vec3& step,
                   PrecomputedArray& coarser) const {
    const core::Vec3& chunk = coarser.scale().chunk;
    const auto voxel_bytes =
        metadata_.channels * static_cast<std::int64_t>(core::size_of(metadata_.dtype));
    const core::Vec3 piece = reduced_at_once(chunk, step, finer.scale().chunk, voxel_bytes);
    for_each_box(core::whole(coarser.scale().shape), chunk, [&](const core::Box3& cell) {
      core::Array values(metadata_.dtype, metadata_.channels, cell.shape);
      for_each_box(cell, piece, [&](const core::Box3& part) {
        core::check_stop(stop_);
        core::copy_overlap(reduced(finer, step, coarser, part), part.start, values, cell.start);
      });
      coarser.write(cell, values);
    });
  }

  /// Calls `visit` with what the cells of a grid have in common with `box`.
  template <class Visit>
  static void for_each_box(const core::Box3& box, const core::Vec3& cell, Visit visit) {
    for_each_cell(with_channels(box, 1), {1, cell[0], cell[1], cell[2]}, [&](const Index4& index) {
      visit(core::intersect({{index[1] * cell[0], index[2] * cell[1], index[3] * cell[2]}, cell},
                            box));
    });
  }

  /// The values of `part` of the coarser scale.
  core::Array reduced(const PrecomputedArray& finer, const core::Vec3& step,
                      const PrecomputedArray& coarser, const core::Box3& part) const {
    core::Box3 source = part;
    core::Vec3 missing{0, 0, 0};  // voxels of the first cells that lie before the volume
    for (std::size_t i = 0; i < 3; ++i) {
      source.start[i] =
          (part.start[i] + coarser.scale().start[i]) * step[i] - finer.scale().start[i];
      source.shape[i] *= step[i];
      missing[i] = std::max<std::int64_t>(0, -source.start[i]);
    }
    source = core::intersect(source, core::whole(finer.scale().shape));
    const Reduction reduction = metadata_.is_labels ? Reduction::mode : Reduction::mean;
    return downsample(finer.read(source), step, reduction, missing);
  }

  fs::path final_;
  fs::path partial_;
  std::vector<core::Vec3> steps_;
  PrecomputedInfo metadata_;
  PrecomputedArray array_;
  std::stop_token stop_;
  std::mutex finish_mutex_;
  bool is_finished_ = false;
};

}  // namespace

bool fits_precomputed(const Location& location) {
  return extension_of(location.file) == ".precomputed";
}

std::unique_ptr<OutputVolume> create_precomputed(const Location& location,
                                                 const CreateOptions& options) {
  require_precomputed_can_hold(location, options);
  return std::make_unique<PrecomputedOutput>(location, options);
}

std::vector<std::string> foreign_in_precomputed(const fs::path& folder, const CreateOptions&) {
  std::vector<std::string> own{"info", "provenance"};
  if (fs::exists(folder / "info")) {
    const Json info = core::read_json(folder / "info");
    for (const Json& scale : info.is_object() ? info.value("scales", Json()) : Json()) {
      if (const Json key = scale.is_object() ? scale.value("key", Json()) : Json();
          key.is_string() && !key.get<std::string>().empty()) {
        own.push_back(fs::path(key.get<std::string>()).begin()->string());
      }
    }
  }
  return foreign_entries(folder, [&](const fs::directory_entry& entry) {
    return std::find(own.begin(), own.end(), entry.path().filename().string()) != own.end();
  });
}

}  // namespace retina::store
