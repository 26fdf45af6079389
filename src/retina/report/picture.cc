#include "retina/report/picture.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "retina/core/error.h"

namespace retina::report {
namespace {

using Colour = std::array<int, 3>;

constexpr int kUnknown = 255;                  // class id of "not known" in labels
constexpr Colour kBoth{38, 166, 91};           // green
constexpr Colour kPredictedOnly{222, 60, 49};  // red
constexpr Colour kMissed{52, 119, 235};        // blue

/// Distinct on grey for people with common colour vision deficiencies (Okabe and Ito, 2008).
constexpr std::array<Colour, 7> kLabelColours{{{230, 159, 0},
                                               {86, 180, 233},
                                               {0, 158, 115},
                                               {240, 228, 66},
                                               {0, 114, 178},
                                               {213, 94, 0},
                                               {204, 121, 167}}};

void require_plane(const core::Array& array, const core::Array& image) {
  if (array.shape() != image.shape() || array.channels() != 1 || image.channels() != 1 ||
      array.shape()[0] != 1) {
    throw Error(ErrorKind::internal, "pictures need planes of one channel and equal shape, found " +
                                         core::to_string(array.shape()) + " and " +
                                         core::to_string(image.shape()));
  }
}

/// The image as RGB, with colour_of(voxel index) blended half over it where there is a colour.
template <class ColourOf>
core::Array tinted(const core::Array& image, ColourOf&& colour_of) {
  const core::Array pixels = core::convert(image, core::DType::u8);
  core::Array out(core::DType::u8, 3, pixels.shape());
  const auto source = pixels.values<std::uint8_t>();
  const auto target = out.values<std::uint8_t>();
  const std::size_t voxels = source.size();
  for (std::size_t i = 0; i < voxels; ++i) {
    const std::optional<Colour> colour = colour_of(i);
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = colour ? (source[i] + (*colour)[c]) / 2 : source[i];
      target[c * voxels + i] = static_cast<std::uint8_t>(value);
    }
  }
  return out;
}

}  // namespace

Picture grey(std::string caption, const core::Array& image) {
  return {std::move(caption), core::convert(image, core::DType::u8)};
}

Picture overlay(std::string caption, const core::Array& image, const core::Array& labels) {
  require_plane(labels, image);
  const core::Array ids = core::convert(labels, core::DType::i64);
  const auto id = ids.values<std::int64_t>();
  return {std::move(caption), tinted(image, [&](std::size_t i) -> std::optional<Colour> {
            if (id[i] <= 0 || id[i] == kUnknown) {
              return std::nullopt;
            }
            return kLabelColours[static_cast<std::size_t>(id[i] - 1) % kLabelColours.size()];
          })};
}

Picture errors(std::string caption, const core::Array& image, const core::Array& prediction,
               const core::Array& truth) {
  require_plane(prediction, image);
  require_plane(truth, image);
  const core::Array predicted_ids = core::convert(prediction, core::DType::i64);
  const core::Array true_ids = core::convert(truth, core::DType::i64);
  const auto predicted = predicted_ids.values<std::int64_t>();
  const auto expected = true_ids.values<std::int64_t>();
  return {std::move(caption), tinted(image, [&](std::size_t i) -> std::optional<Colour> {
            if (expected[i] == kUnknown || (predicted[i] == 0 && expected[i] == 0)) {
              return std::nullopt;
            }
            if (predicted[i] == expected[i]) {
              return kBoth;
            }
            return predicted[i] != 0 ? kPredictedOnly : kMissed;
          })};
}

core::Array shrink(const core::Array& pixels, std::int64_t largest_side) {
  Shrinker shrinker(pixels.shape(), pixels.channels(), largest_side);
  if (shrinker.factor() == 1) {
    return pixels;
  }
  shrinker.add(pixels, 0);
  return shrinker.result();
}

Shrinker::Shrinker(const core::Vec3& plane, int channels, std::int64_t largest_side)
    : plane_(plane),
      channels_(channels),
      factor_(std::max<std::int64_t>(
          1, (std::max(plane[1], plane[2]) + largest_side - 1) / largest_side)),
      small_{1, std::max<std::int64_t>(1, plane[1] / factor_),
             std::max<std::int64_t>(1, plane[2] / factor_)},
      sums_(static_cast<std::size_t>(channels * small_[1] * small_[2])) {}

void Shrinker::add(const core::Array& rows, std::int64_t y) {
  const std::int64_t height = std::min(rows.shape()[1], small_[1] * factor_ - y);
  const std::int64_t width = std::min(plane_[2], small_[2] * factor_);
  for (int c = 0; c < channels_; ++c) {
    for (std::int64_t row = 0; row < height; ++row) {
      const std::uint8_t* pixels = &rows.at<std::uint8_t>(c, 0, row, 0);
      std::int64_t* sum = &sums_[cell(c, (y + row) / factor_, 0)];
      for (std::int64_t x = 0; x < width; x += factor_, ++sum) {
        *sum = std::accumulate(pixels + x, pixels + std::min(x + factor_, width), *sum);
      }
    }
  }
}

core::Array Shrinker::result() const {
  core::Array out(core::DType::u8, channels_, small_);
  for (int c = 0; c < channels_; ++c) {
    for (std::int64_t y = 0; y < small_[1]; ++y) {
      for (std::int64_t x = 0; x < small_[2]; ++x) {
        const std::int64_t pixels =
            std::min(factor_, plane_[1] - y * factor_) * std::min(factor_, plane_[2] - x * factor_);
        out.at<std::uint8_t>(c, 0, y, x) = static_cast<std::uint8_t>(sums_[cell(c, y, x)] / pixels);
      }
    }
  }
  return out;
}

std::size_t Shrinker::cell(int channel, std::int64_t y, std::int64_t x) const {
  return static_cast<std::size_t>((channel * small_[1] + y) * small_[2] + x);
}

}  // namespace retina::report
