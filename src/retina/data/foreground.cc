#include "retina/data/foreground.h"

#include <algorithm>

#include "retina/data/dataset.h"

namespace retina::data {

ForegroundIndex::ForegroundIndex(const core::Array& labels) : width_(labels.shape()[2]) {
  const auto values = labels.values<std::uint8_t>();
  bool inside = false;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool foreground = values[i] != 0 && values[i] != kIgnore;
    if (foreground && !inside) {
      starts_.push_back(static_cast<std::int64_t>(i));
    }
    if (!foreground && inside) {
      ends_.push_back(count);
    }
    count += foreground ? 1 : 0;
    inside = foreground;
  }
  if (inside) {
    ends_.push_back(count);
  }
}

std::optional<core::Vec3> ForegroundIndex::pick(double u) const {
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

std::int64_t ForegroundIndex::bytes() const {
  return static_cast<std::int64_t>((starts_.size() + ends_.size()) * sizeof(std::int64_t));
}

}  // namespace retina::data
