#include "retina/pipeline/finetune/labelled_regions.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/label/components.h"

namespace retina::pipeline {
namespace {

const data::LabelledVolume& volume_of_slice(const data::Dataset& dataset,
                                            const data::Slice& slice) {
  return dataset.volumes.at(static_cast<std::size_t>(slice.volume));
}

/// Calls `f` with every position {z,y,x} of a region that lies in `box`.
template <class F>
void for_each_pixel(const LabelledRegion& region, const core::Box3& box, F&& f) {
  const core::Box3 common = core::intersect(region.box, box);
  if (common.empty()) {
    return;
  }
  const core::Vec3 stop = common.stop();
  for (std::int64_t y = common.start[1]; y < stop[1]; ++y) {
    for (std::int64_t x = common.start[2]; x < stop[2]; ++x) {
      if (region.mask.at<std::uint8_t>(0, 0, y - region.box.start[1], x - region.box.start[2])) {
        f(core::Vec3{common.start[0], y, x});
      }
    }
  }
}

/// Stored labels of which one region is not known.
class HiddenLabels final : public core::Volume {
 public:
  HiddenLabels(std::shared_ptr<const core::Volume> labels, LabelledRegion region,
               std::int64_t ignore_value)
      : Volume(labels->info()),
        labels_(std::move(labels)),
        region_(std::move(region)),
        ignore_value_(ignore_value) {}

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values = labels_->read(box);
    core::dispatch(values.dtype(), [&](auto zero) {
      using T = decltype(zero);
      for_each_pixel(region_, box, [&](const core::Vec3& at) {
        values.at<T>(0, at[0] - box.start[0], at[1] - box.start[1], at[2] - box.start[2]) =
            static_cast<T>(ignore_value_);
      });
    });
    return values;
  }

 private:
  std::shared_ptr<const core::Volume> labels_;
  LabelledRegion region_;
  std::int64_t ignore_value_;  ///< of a type that holds it: the plane has such pixels already
};

/// What one pass over the ids of a plane finds of a component: its box in the plane, its size.
struct PatchExtent {
  std::int64_t y = 0, y_stop = 0;
  std::int64_t x = 0, x_stop = 0;
  std::int64_t pixels = 0;
};

std::vector<PatchExtent> extents_of(const label::Components& found) {
  std::vector<PatchExtent> extents(found.count);
  const auto ids = found.ids.values<std::uint64_t>();
  const std::int64_t width = found.ids.shape()[2];
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == 0) {
      continue;
    }
    const std::int64_t y = static_cast<std::int64_t>(i) / width;
    const std::int64_t x = static_cast<std::int64_t>(i) % width;
    PatchExtent& extent = extents[ids[i] - 1];
    if (extent.pixels++ == 0) {
      extent = {.y = y, .y_stop = y, .x = x, .x_stop = x, .pixels = 1};
    }
    extent.y_stop = y + 1;
    extent.x = std::min(extent.x, x);
    extent.x_stop = std::max(extent.x_stop, x + 1);
  }
  return extents;
}

void refuse_small_patches(const std::vector<PatchExtent>& extents, const std::string& slice_name) {
  const auto is_small = [](const PatchExtent& extent) { return extent.pixels < kSmallestRegion; };
  const auto first = std::find_if(extents.begin(), extents.end(), is_small);
  if (first == extents.end()) {
    return;
  }
  throw Error(
      ErrorKind::bad_data,
      Problem{.subject = slice_name,
              .found = fmt::format("{} small patches of known labels; the first has {} pixels, at "
                                   "y={}, x={}",
                                   std::count_if(extents.begin(), extents.end(), is_small),
                                   first->pixels, first->y, first->x),
              .expected = fmt::format("regions of {} pixels or more", kSmallestRegion),
              .remedy = "label more around them, or set them to the ignored value"});
}

std::vector<LabelledRegion> regions_of_slice(const data::Dataset& dataset,
                                             const data::Slice& slice) {
  const core::Volume& labels = *volume_of_slice(dataset, slice).labels;
  core::Array known = data::class_ids(dataset.label_map, labels,
                                      core::slice_box(labels.shape(), slice.axis, slice.index));
  for (std::uint8_t& id : known.values<std::uint8_t>()) {
    id = id != data::kIgnore ? 1 : 0;
  }
  const label::Components found = label::connected_components(known, label::Connectivity::corners);
  const std::vector<PatchExtent> extents = extents_of(found);
  const std::string name = data::describe(dataset, slice);
  refuse_small_patches(extents, name);
  std::vector<LabelledRegion> regions;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    const PatchExtent& extent = extents[k];
    LabelledRegion region{.slice = slice,
                          .slice_name = name,
                          .box = {.start = {slice.index, extent.y, extent.x},
                                  .shape = {1, extent.y_stop - extent.y, extent.x_stop - extent.x}},
                          .mask = {},
                          .pixels = extent.pixels};
    region.mask = core::Array(core::DType::u8, 1, region.box.shape);
    for (std::int64_t y = 0; y < region.box.shape[1]; ++y) {
      for (std::int64_t x = 0; x < region.box.shape[2]; ++x) {
        region.mask.at<std::uint8_t>(0, 0, y, x) =
            found.ids.at<std::uint64_t>(0, 0, extent.y + y, extent.x + x) == k + 1 ? 1 : 0;
      }
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace

std::string LabelledRegion::name() const {
  const core::Vec3 stop = box.stop();
  return fmt::format("{} y={}..{} x={}..{}", slice_name, box.start[1], stop[1], box.start[2],
                     stop[2]);
}

std::vector<LabelledRegion> find_regions(const data::Dataset& dataset) {
  std::vector<LabelledRegion> regions;
  for (const data::Slice& slice : dataset.slices) {
    std::vector<LabelledRegion> more = regions_of_slice(dataset, slice);
    std::move(more.begin(), more.end(), std::back_inserter(regions));
    if (regions.size() > kMostRegions) {
      break;  // a stack that is labelled throughout: it will be refused
    }
  }
  if (regions.size() >= 2 && regions.size() <= kMostRegions) {
    return regions;
  }
  const std::string found =
      regions.size() > kMostRegions ? fmt::format("more than {} labelled regions", kMostRegions)
      : regions.empty()             ? "no labelled region"
                                    : fmt::format("one labelled region, {}", regions[0].name());
  throw Error(ErrorKind::usage,
              Problem{.subject = "leave_one_region_out",
                      .found = found,
                      .expected = fmt::format("2 to {}: patches of known labels that do not touch, "
                                              "or images of their own",
                                              kMostRegions),
                      .remedy = regions.size() > kMostRegions
                                    ? "train on fewer slices (data.slices, data.every)"
                                    : "set what is not known with --set data.ignore_value=N"});
}

data::Dataset without_region(const data::Dataset& dataset,
                             const std::vector<LabelledRegion>& regions, std::size_t hidden) {
  const LabelledRegion& region = regions.at(hidden);
  data::Dataset rest = dataset;
  const auto in_slice = std::count_if(regions.begin(), regions.end(), [&](const auto& other) {
    return other.slice == region.slice;
  });
  if (in_slice == 1) {
    std::erase(rest.slices, region.slice);
    return rest;
  }
  // Between two regions of a slice there are pixels that are not known: they have a stored value.
  auto& labels = rest.volumes.at(static_cast<std::size_t>(region.slice.volume)).labels;
  labels = std::make_shared<HiddenLabels>(labels, region, rest.label_map.ignore_value.value());
  return rest;
}

core::Array labels_of_region(const data::Dataset& dataset, const LabelledRegion& region,
                             const core::Box3& box) {
  const core::Array all =
      data::class_ids(dataset.label_map, *volume_of_slice(dataset, region.slice).labels, box);
  core::Array known(core::DType::u8, 1, box.shape);
  const auto ids = known.values<std::uint8_t>();
  std::fill(ids.begin(), ids.end(), data::kIgnore);
  for_each_pixel(region, box, [&](const core::Vec3& at) {
    const std::int64_t y = at[1] - box.start[1];
    const std::int64_t x = at[2] - box.start[2];
    known.at<std::uint8_t>(0, 0, y, x) = all.at<std::uint8_t>(0, 0, y, x);
  });
  return known;
}

}  // namespace retina::pipeline
