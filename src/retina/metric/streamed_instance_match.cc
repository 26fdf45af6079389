#include "retina/metric/streamed_instance_match.h"

#include <algorithm>
#include <span>
#include <utility>

#include "retina/metric/class_mask.h"

namespace retina::metric {

namespace {

using label::Run;

bool any(std::span<const std::uint8_t> mask) {
  return std::any_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value != 0; });
}

}  // namespace

StreamedInstanceMatch::StreamedInstanceMatch(StreamedMasks masks, const core::Vec3& block,
                                             std::int64_t max_bytes, const core::Context& context)
    : masks_(std::move(masks)),
      grid_(masks_.shape, block),
      objects_(grid_, {.connectivity = label::Connectivity::corners}, label::Target::objects,
               max_bytes) {
  context.progress->begin("matching objects", 2 * grid_.count(), "blocks");
  find_objects(context);
  find_touching(context);
  context.progress->end();
}

void StreamedInstanceMatch::find_objects(const core::Context& context) {
  for (std::int64_t number = 0; number < grid_.count(); ++number) {
    context.check_stop(core::kRerunHint);
    objects_.add(masks_.prediction(grid_.box(number)));
    context.progress->update(number + 1);
  }
  objects_.finish();
}

void StreamedInstanceMatch::find_touching(const core::Context& context) {
  touches_.assign(objects_.objects().size() + 1, false);
  for (std::int64_t number = 0; number < grid_.count(); ++number) {
    context.check_stop(core::kRerunHint);
    const core::Box3 block = grid_.box(number);
    const core::Array truth = masks_.truth(block);
    truth_has_background_ = truth_has_background_ || count_voxels(truth) < truth.voxels();
    const auto actual = truth.values<std::uint8_t>();
    objects_.for_each_run(
        number, masks_.prediction(block), [&](std::int64_t z, std::int64_t y, const Run& run) {
          const std::int64_t row = (z - block.start[0]) * block.shape[1] + y - block.start[1];
          const std::int64_t begin = row * block.shape[2] + run.begin - block.start[2];
          if (any(actual.subspan(static_cast<std::size_t>(begin),
                                 static_cast<std::size_t>(run.end - run.begin)))) {
            touches_[run.label] = true;
          }
        });
    context.progress->update(grid_.count() + number + 1);
  }
  if (!truth_has_background_) {
    touches_.clear();
  }
}

core::Array StreamedInstanceMatch::matched(const core::Box3& box) const {
  core::Array matched(core::DType::u8, 1, box.shape);
  if (touches_.empty()) {
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
  for (const std::int64_t number : grid_.meeting(box)) {
    objects_.for_each_run(number, masks_.prediction(grid_.box(number)), mark);
  }
  return matched;
}

}  // namespace retina::metric
