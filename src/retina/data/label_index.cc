#include "retina/data/label_index.h"

#include <algorithm>

#include "retina/data/dataset.h"

namespace retina::data {

LabelIndex::LabelIndex(const core::Array& labels,
                       const std::function<bool(std::uint8_t)>& is_wanted)
    : width_(labels.shape()[2]) {
  const auto values = labels.values<std::uint8_t>();
  bool inside = false;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool wanted = is_wanted(values[i]);
    if (wanted && !inside) {
      starts_.push_back(static_cast<std::int64_t>(i));
    }
    if (!wanted && inside) {
      ends_.push_back(count);
    }
    count += wanted ? 1 : 0;
    inside = wanted;
  }
  if (inside) {
    ends_.push_back(count);
  }
}

std::optional<core::Vec3> LabelIndex::pick(double u) const {
  if (ends_.empty()) {
    return std::nullopt;
  }
  const auto number =
      std::min(static_cast<std::int64_t>(u * static_cast<double>(pixels())), pixels() - 1);
  const auto run = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), number) -
                                            ends_.begin());
  const std::int64_t before = run == 0 ? 0 : ends_[run - 1];
  const std::int64_t pixel = starts_[run] + number - before;
  return core::Vec3{0, pixel / width_, pixel % width_};
}

std::int64_t LabelIndex::bytes() const {
  return static_cast<std::int64_t>((starts_.size() + ends_.size()) * sizeof(std::int64_t));
}

LabelIndex foreground_of(const core::Array& labels) {
  return {labels, [](std::uint8_t label) { return label != 0 && label != kIgnore; }};
}

LabelIndex known_of_partly_known(const core::Array& labels) {
  LabelIndex known(labels, [](std::uint8_t label) { return label != kIgnore; });
  return known.pixels() == labels.elements() ? LabelIndex{} : known;
}

}  // namespace retina::data
