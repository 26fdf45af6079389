#include "retina/pipeline/check/thumbnail.h"

#include <algorithm>
#include <utility>

namespace retina::pipeline {
namespace {

constexpr std::int64_t kThumbnailSide = 256;

}  // namespace

ThumbnailMaker::ThumbnailMaker(const core::Vec3& plane)
    : plane_(plane), image_(plane, 1, kThumbnailSide) {}

void ThumbnailMaker::add_image(const core::Array& rows, std::int64_t y) {
  image_.add(rows, y);
}

void ThumbnailMaker::add_labels(const core::Array& rows, std::int64_t y) {
  if (labels_.elements() == 0) {
    labels_ = core::Array(core::DType::u8, 1, image_.shape());
  }
  const auto middle = [&](std::int64_t i, std::size_t axis) {
    return std::min(plane_[axis] - 1, i * image_.factor() + image_.factor() / 2);
  };
  for (std::int64_t i = 0; i < labels_.shape()[1]; ++i) {
    const std::int64_t row = middle(i, 1) - y;
    if (row < 0 || row >= rows.shape()[1]) {
      continue;
    }
    for (std::int64_t j = 0; j < labels_.shape()[2]; ++j) {
      labels_.at<std::uint8_t>(0, 0, i, j) = rows.at<std::uint8_t>(0, 0, row, middle(j, 2));
    }
  }
}

Thumbnail ThumbnailMaker::named(std::string name) const {
  return {.name = std::move(name), .image = image_.result(), .labels = labels_};
}

}  // namespace retina::pipeline
