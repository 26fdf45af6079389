#include "retina/metric/streamed_instance_match.h"

#include <algorithm>
#include <span>
#include <utility>

#include "retina/metric/class_mask.h"

namespace retina::metric {

namespace {

using label::Run;

std::int64_t planes_of_slab(const StreamedMasks& masks, std::int64_t max_bytes) {
  const std::int64_t plane = masks.shape[1] * masks.shape[2] * (masks.label_bytes + 2);
  return std::clamp(max_bytes / 4 / std::max<std::int64_t>(1, plane), std::int64_t{1},
                    kPlanesPerRead);
}

bool any(std::span<const std::uint8_t> mask) {
  return std::any_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value != 0; });
}

}  // namespace

StreamedInstanceMatch::StreamedInstanceMatch(StreamedMasks masks, std::int64_t max_bytes,
                                             const core::Context& context)
    : masks_(std::move(masks)),
      thickness_(planes_of_slab(masks_, max_bytes)),
      slabs_(masks_.shape, {thickness_, 0, 0}),
      objects_(slabs_, {.connectivity = label::Connectivity::corners}, label::Target::objects,
               max_bytes) {
  context.progress->begin("matching objects", 2 * slabs_.count(), "slabs");
  find_objects(context);
  find_touching(context);
  context.progress->end();
}

void StreamedInstanceMatch::find_objects(const core::Context& context) {
  for (std::int64_t number = 0; number < slabs_.count(); ++number) {
    context.check_stop(core::kRerunHint);
    objects_.add(masks_.prediction(slabs_.box(number)));
    context.progress->update(number + 1);
  }
  objects_.finish();
}

void StreamedInstanceMatch::find_touching(const core::Context& context) {
  touches_.assign(objects_.objects().size() + 1, false);
  for (std::int64_t number = 0; number < slabs_.count(); ++number) {
    context.check_stop(core::kRerunHint);
    const core::Box3 slab = slabs_.box(number);
    const core::Array truth = masks_.truth(slab);
    truth_has_background_ = truth_has_background_ || count_voxels(truth) < truth.voxels();
    const auto actual = truth.values<std::uint8_t>();
    objects_.for_each_run(
        number, masks_.prediction(slab), [&](std::int64_t z, std::int64_t y, const Run& run) {
          const std::int64_t row = ((z - slab.start[0]) * slab.shape[1] + y) * slab.shape[2];
          if (any(actual.subspan(static_cast<std::size_t>(row + run.begin),
                                 static_cast<std::size_t>(run.end - run.begin)))) {
            touches_[run.label] = true;
          }
        });
    context.progress->update(slabs_.count() + number + 1);
  }
  if (!truth_has_background_) {
    touches_.clear();
  }
}

core::Array StreamedInstanceMatch::matched(const core::Box3& box) const {
  core::Array matched(core::DType::u8, 1, box.shape);
  if (touches_.empty() || box.voxels() == 0) {
    return matched;
  }
  const core::Vec3 stop = box.stop();
  const auto mark = [&](std::int64_t z, std::int64_t y, const Run& run) {
    const std::int64_t from = std::max(run.begin, box.start[2]);
    const std::int64_t to = std::min(run.end, stop[2]);
    const bool is_inside = z >= box.start[0] && z < stop[0] && y >= box.start[1] && y < stop[1];
    if (touches_[run.label] && is_inside && from < to) {
      std::fill_n(
          &matched.at<std::uint8_t>(0, z - box.start[0], y - box.start[1], from - box.start[2]),
          to - from, std::uint8_t{1});
    }
  };
  for (std::int64_t number = box.start[0] / thickness_; number * thickness_ < stop[0]; ++number) {
    objects_.for_each_run(number, masks_.prediction(slabs_.box(number)), mark);
  }
  return matched;
}

}  // namespace retina::metric
