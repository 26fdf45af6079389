#include "retina/pipeline/prepare/prepare_writer.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/finite.h"
#include "retina/core/ordered_work.h"
#include "retina/core/resource_limits.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/pipeline/bench/plane_meter.h"
#include "retina/pipeline/prepare/prepare_config.h"
#include "retina/pipeline/prepare/prepare_report.h"
#include "retina/store/open.h"
#include "retina/store/open_on_demand.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSlabVoxels = std::int64_t{8} << 20;
constexpr std::int64_t kMostPlanes = 16;  ///< of a slab

/// Planes first to first + count across an axis of a box.
core::Box3 slab_of(core::Box3 box, int axis, std::int64_t first, std::int64_t count) {
  const auto a = static_cast<std::size_t>(axis);
  box.start[a] += first;
  box.shape[a] = count;
  return box;
}

/// Some planes of a volume, ready to be written, or an image and its mask.
struct PreparedPlanes {
  core::Array images;   ///< u8
  core::Array classes;  ///< u8
  std::int64_t overlaps = 0;
};

void count_classes(const core::Array& classes, PreparedFolder& out) {
  std::array<std::int64_t, 256> counts{};
  for (const std::uint8_t id : classes.values<std::uint8_t>()) {
    ++counts[id];
  }
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] > 0) {
      out.class_pixels[static_cast<int>(id)] += counts[id];
    }
  }
}

store::PackItem patch_item(const fs::path& patch) {
  store::PackItem item;
  item.name = patch.filename().string();
  item.image = store::open_on_demand(patch.string());
  data::require_one_channel(*item.image);
  const core::DType dtype = item.image->info().dtype;
  if (dtype != core::DType::u8) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = patch.string(),
                        .found = fmt::format("{} values", core::name_of(dtype)),
                        .expected = "uint8",
                        .remedy = "name the folder of the patches alone"});
  }
  return item;
}

/// Writes what a plan says into a folder.
class DatasetWriter {
 public:
  DatasetWriter(const PreparePlan& plan, const PreparedWriting& how, const core::Context& context)
      : plan_(plan), how_(how), context_(context) {
    threads_ = how.threads > 0 ? how.threads : core::usable_cores();
  }

  std::vector<PreparedFolder> write() {
    std::vector<PreparedFolder> folders = planned_folders(plan_);
    std::vector<ValueSpan> spans;
    for (const PlannedVolume& volume : plan_.volumes) {
      spans.push_back(span_of(volume));
    }
    if (plan_.recipe->is_unlabelled) {
      write_patches();
      return folders;
    }
    PlaneMeter meter(context_, "prepare", plan_.images());
    auto folder = folders.begin();
    for (std::size_t v = 0; v < plan_.volumes.size(); ++v) {
      for (const std::string& plane : plan_.volumes[v].recipe->planes) {
        write_planes(plan_.volumes[v], data::axis_of_plane(plane), spans[v], *folder++, meter);
      }
    }
    for (const PlannedImageSet& set : plan_.image_sets) {
      write_pairs(set, *folder++, meter);
    }
    return folders;
  }

 private:
  GreyRule grey() const { return plan_.recipe->grey; }

  static std::int64_t slab_planes(const core::Box3& box, int axis) {
    const std::int64_t plane = box.voxels() / box.shape[static_cast<std::size_t>(axis)];
    return std::clamp<std::int64_t>(kSlabVoxels / plane, 1, kMostPlanes);
  }

  /// Least and greatest value of a volume, where the rule needs them: a pass over all of it, which
  /// warns of values that are not finite.
  ValueSpan span_of(const PlannedVolume& volume) const {
    ValueSpan span;
    const core::VolumeInfo& info = volume.image->info();
    if (grey() != GreyRule::min_max || info.dtype == core::DType::u8) {
      return span;
    }
    const core::Box3& box = volume.image_box;
    const std::int64_t step = slab_planes(box, 0);
    core::FiniteSample seen;
    PlaneMeter meter(context_, "looking for the range of values", box.shape[0]);
    for (std::int64_t z = 0; z < box.shape[0]; z += step) {
      context_.check_stop(core::kRerunHint);
      const std::int64_t count = std::min(step, box.shape[0] - z);
      const core::Array slab = volume.image->read(slab_of(box, 0, z, count));
      span.add(slab);
      seen.values += slab.elements();
      seen.non_finite += core::count_non_finite(slab);
      meter.add(count, info.source);
    }
    if (const std::string note = core::non_finite_note(info.source, seen); !note.empty()) {
      context_.log->warn(note);
    }
    return span;
  }

  PreparedPlanes read_planes(const PlannedVolume& volume, int axis, std::int64_t first,
                             std::int64_t count, const ValueSpan& span) const {
    PreparedPlanes planes;
    planes.images =
        planes_of(grey_values(volume.image->read(slab_of(volume.image_box, axis, first, count)),
                              grey(), span, volume.image->info().source),
                  axis);
    core::Array classes;
    for (std::size_t i = 0; i < volume.labels.size(); ++i) {
      const core::Volume& labels = *volume.labels[i];
      core::Array part =
          class_values(labels.read(slab_of(volume.label_box, axis, first, count)),
                       volume.recipe->labels[i].ranges, how_.unknown, labels.info().source);
      if (i == 0) {
        classes = std::move(part);
      } else {
        planes.overlaps += lay_over(part, classes);
      }
    }
    planes.classes = planes_of(classes, axis);
    return planes;
  }

  void write_planes(const PlannedVolume& volume, int axis, const ValueSpan& span,
                    PreparedFolder& out, PlaneMeter& meter) {
    const core::Vec3 plane = data::plane_shape(volume.image_box.shape, axis);
    const std::int64_t total = volume.planes(axis);
    const core::Vec3 shape{total, plane[1], plane[2]};
    const auto images =
        store::create((how_.root / out.folder / "images").string(), {.shape = shape});
    const auto masks = store::create((how_.root / out.folder / "masks").string(),
                                     {.shape = shape, .is_labels = true});
    const std::int64_t step = slab_planes(volume.image_box, axis);
    core::run_work(
        (total + step - 1) / step, {.threads = threads_, .resume_hint = core::kRerunHint},
        [&](std::int64_t i) {
          return read_planes(volume, axis, i * step, std::min(step, total - i * step), span);
        },
        [&](std::int64_t i, const PreparedPlanes& planes) {
          const core::Box3 box{{i * step, 0, 0}, planes.images.shape()};
          images->write(box, planes.images);
          masks->write(box, planes.classes);
          take(planes, out);
          meter.add(box.shape[0], out.folder);
        },
        context_);
    images->finish();
    masks->finish();
  }

  void take(const PreparedPlanes& planes, PreparedFolder& out) {
    const std::lock_guard lock(mutex_);
    count_classes(planes.classes, out);
    out.overlaps += planes.overlaps;
  }

  PreparedPlanes read_pair(const PlannedImageSet& set, const PlannedPair& pair) const {
    const auto image = store::open(pair.image.string());
    const auto mask = store::open(pair.mask.string());
    if (image->shape() != mask->shape() || image->shape()[0] != 1) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = pair.mask.string(),
                          .found = fmt::format("shape {} (z,y,x)", core::to_string(mask->shape())),
                          .expected = fmt::format("a plane as {}, {}", pair.image.string(),
                                                  core::to_string(image->shape())),
                          .remedy = fmt::format("get it from {}", plan_.recipe->source)});
    }
    data::require_one_channel(*image);
    const core::Box3 box = core::whole(image->shape());
    PreparedPlanes planes;
    planes.images = grey_values(image->read(box), grey(), {}, pair.image.string());
    planes.classes =
        class_values(mask->read(box), set.recipe->ranges, how_.unknown, pair.mask.string());
    return planes;
  }

  void write_pairs(const PlannedImageSet& set, PreparedFolder& out, PlaneMeter& meter) {
    const fs::path folder = how_.root / out.folder;
    const auto put = [](const fs::path& path, const core::Array& plane) {
      const auto file = store::create(path.string(), {.shape = plane.shape()});
      file->write(core::whole(plane.shape()), plane);
      file->finish();
    };
    core::run_work(
        static_cast<std::int64_t>(set.pairs.size()),
        {.threads = threads_, .resume_hint = core::kRerunHint},
        [&](std::int64_t i) { return read_pair(set, set.pairs[static_cast<std::size_t>(i)]); },
        [&](std::int64_t i, const PreparedPlanes& planes) {
          const std::string name = set.pairs[static_cast<std::size_t>(i)].name + ".png";
          put(folder / "images" / name, planes.images);
          put(folder / "masks" / name, planes.classes);
          take(planes, out);
          meter.add(1, out.folder);
        },
        context_);
  }

  void write_patches() {
    const std::vector<store::PackItem> items = open_patches();
    store::write_pack((how_.root / kPatchPack).string(), items,
                      {.overwrite = false, .attributes = {{"dataset", plan_.recipe->name}}},
                      context_);
  }

  std::vector<store::PackItem> open_patches() const {
    std::vector<store::PackItem> items;
    PlaneMeter meter(context_, "looking at patches", plan_.images());
    for (const fs::path& patch : plan_.patches) {
      context_.check_stop(core::kRerunHint);
      items.push_back(patch_item(patch));
      meter.add(1, {});
    }
    return items;
  }

  const PreparePlan& plan_;
  const PreparedWriting& how_;
  const core::Context& context_;
  int threads_ = 1;
  std::mutex mutex_;  ///< guards the folder that is being filled
};

}  // namespace

std::vector<PreparedFolder> write_planned(const PreparePlan& plan, const PreparedWriting& how,
                                          const core::Context& context) {
  return DatasetWriter(plan, how, context).write();
}

}  // namespace retina::pipeline
