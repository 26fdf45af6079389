#include "retina/report/picture.h"

#include <algorithm>
#include <array>
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
  const auto [depth, height, width] = pixels.shape();
  const std::int64_t factor = (std::max(height, width) + largest_side - 1) / largest_side;
  if (factor <= 1) {
    return pixels;
  }
  core::Array out(
      core::DType::u8, pixels.channels(),
      {1, std::max<std::int64_t>(1, height / factor), std::max<std::int64_t>(1, width / factor)});
  for (int c = 0; c < out.channels(); ++c) {
    for (std::int64_t y = 0; y < out.shape()[1]; ++y) {
      for (std::int64_t x = 0; x < out.shape()[2]; ++x) {
        const std::int64_t y_stop = std::min(height, (y + 1) * factor);
        const std::int64_t x_stop = std::min(width, (x + 1) * factor);
        std::int64_t sum = 0;
        for (std::int64_t yy = y * factor; yy < y_stop; ++yy) {
          for (std::int64_t xx = x * factor; xx < x_stop; ++xx) {
            sum += pixels.at<std::uint8_t>(c, 0, yy, xx);
          }
        }
        const std::int64_t count = (y_stop - y * factor) * (x_stop - x * factor);
        out.at<std::uint8_t>(c, 0, y, x) = static_cast<std::uint8_t>(sum / count);
      }
    }
  }
  return out;
}

}  // namespace retina::report
