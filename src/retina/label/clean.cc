#include "retina/label/clean.h"

#include <algorithm>
#include <string_view>
#include <type_traits>

namespace retina::label {
namespace {

/// First voxel of a run in the array of its block.
std::size_t place_of(const core::Box3& box, std::int64_t z, std::int64_t y, const Run& run) {
  return static_cast<std::size_t>(((z - box.start[0]) * box.shape[1] + y - box.start[1]) *
                                      box.shape[2] +
                                  run.begin - box.start[2]);
}

/// Gives every run of block `number` the value that `value_of(run)` says, if any.
template <class ValueOf>
void repaint(const StreamedComponents& components, std::int64_t number, const core::Box3& box,
             core::Array& values, ValueOf value_of) {
  core::dispatch(values.dtype(), [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) {
      const core::Array before = values;
      const auto out = values.values<T>();
      components.for_each_run(number, before, [&](std::int64_t z, std::int64_t y, const Run& run) {
        if (const std::optional<std::int64_t> value = value_of(run)) {
          std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(place_of(box, z, y, run)),
                      run.end - run.begin, static_cast<T>(*value));
        }
      });
    }
  });
}

template <class Read>
void scan(std::string_view job, StreamedComponents& components, const BlockGrid& grid, Read read,
          const core::Context& context) {
  context.progress->begin(job, grid.count(), "blocks");
  for (std::int64_t number = 0; number < grid.count(); ++number) {
    context.check_stop();
    components.add(read(number));
    context.progress->update(number + 1);
  }
  components.finish();
  context.progress->end();
}

}  // namespace

CleanedLabels::CleanedLabels(const core::Volume& labels, const BlockGrid& grid,
                             const CleanRules& rules, const core::Context& context)
    : labels_(labels), grid_(grid), rules_(rules) {
  if (rules_.fill_holes != FillHoles::none) {
    find_holes(context);
  }
  if (rules_.min_voxels > 1 || rules_.ids == ObjectIds::wanted) {
    find_objects(context);
  }
}

void CleanedLabels::find_holes(const core::Context& context) {
  const ComponentRules rules{.extent = rules_.fill_holes == FillHoles::slices ? Extent::slices
                                                                              : Extent::volume};
  background_.emplace(grid_, rules, Target::background, rules_.max_bytes);
  scan(
      "filling holes", *background_, grid_,
      [&](std::int64_t number) { return labels_.read(grid_.box(number)); }, context);
  holes_ = static_cast<std::uint64_t>(
      std::count_if(background_->objects().begin(), background_->objects().end(),
                    [](const ObjectFacts& region) { return region.value != 0; }));
}

void CleanedLabels::find_objects(const core::Context& context) {
  components_.emplace(grid_, rules_.objects, Target::objects,
                      rules_.max_bytes - (background_ ? background_->bytes() : 0));
  scan(
      "finding objects", *components_, grid_, [&](std::int64_t number) { return filled(number); },
      context);
  ids_.reserve(components_->objects().size() + 1);
  ids_.push_back(0);
  for (const ObjectFacts& object : components_->objects()) {
    const bool stays = object.voxels >= rules_.min_voxels;
    kept_ += stays ? 1 : 0;
    ids_.push_back(stays ? kept_ : 0);
  }
  removed_ = components_->objects().size() - kept_;
}

core::Array CleanedLabels::filled(std::int64_t number) const {
  core::Array values = labels_.read(grid_.box(number));
  if (holes_ > 0) {
    repaint(*background_, number, grid_.box(number), values,
            [&](const Run& run) -> std::optional<std::int64_t> {
              const std::int64_t value = background_->objects()[run.label - 1].value;
              return value == 0 ? std::nullopt : std::optional(value);
            });
  }
  return values;
}

CleanedLabels::Block CleanedLabels::read(std::int64_t number) const {
  Block block{filled(number), {}};
  if (rules_.ids == ObjectIds::wanted) {
    block.ids = components_->ids(number, block.labels, ids_);
  }
  if (removed_ > 0) {
    repaint(*components_, number, grid_.box(number), block.labels,
            [&](const Run& run) -> std::optional<std::int64_t> {
              return ids_[run.label] == 0 ? std::optional(std::int64_t{0}) : std::nullopt;
            });
  }
  return block;
}

}  // namespace retina::label
