#include "retina/augment/resized_crop.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

constexpr double kWeightOne = 2048;

/// Neighbours and their weights of each output row or column.
struct Taps {
  at::Tensor low, high;                ///< i64
  at::Tensor weight_low, weight_high;  ///< i32, sum 2048
};

Taps bilinear_taps(std::int64_t count, int size, const at::Device& device) {
  std::vector<std::int64_t> low;
  std::vector<std::int64_t> high;
  std::vector<int> weight_low;
  std::vector<int> weight_high;
  const double scale = 1.0 / (static_cast<double>(size) / static_cast<double>(count));
  for (int i = 0; i < size; ++i) {
    const auto at = static_cast<float>((i + 0.5) * scale - 0.5);
    auto first = static_cast<std::int64_t>(std::floor(at));
    float share = at - static_cast<float>(first);
    if (first < 0 || first >= count - 1) {
      first = std::clamp<std::int64_t>(first, 0, count - 1);
      share = 0;
    }
    low.push_back(first);
    high.push_back(std::min(first + 1, count - 1));
    weight_low.push_back(static_cast<int>(std::nearbyint((1.0F - share) * kWeightOne)));
    weight_high.push_back(static_cast<int>(std::nearbyint(share * kWeightOne)));
  }
  const auto on_device = [&](const auto& values, at::ScalarType type) {
    return tensor::upload(at::tensor(values, type), device);
  };
  return {on_device(low, at::kLong), on_device(high, at::kLong), on_device(weight_low, at::kInt),
          on_device(weight_high, at::kInt)};
}

at::Tensor resize_bilinear(const at::Tensor& crop_YX, int size) {
  const Taps x = bilinear_taps(crop_YX.size(1), size, crop_YX.device());
  const Taps y = bilinear_taps(crop_YX.size(0), size, crop_YX.device());
  const at::Tensor wide = crop_YX.to(at::kInt);
  const at::Tensor rows =
      wide.index_select(1, x.low) * x.weight_low + wide.index_select(1, x.high) * x.weight_high;
  const auto weighted = [&](const at::Tensor& index, const at::Tensor& weight) {
    // OpenCV drops 4 bits before and 16 after the second weight to stay within 32 bits
    return (rows.index_select(0, index).bitwise_right_shift(4) * weight.unsqueeze(1))
        .bitwise_right_shift(16);
  };
  const at::Tensor sum = weighted(y.low, y.weight_low) + weighted(y.high, y.weight_high);
  return (sum + 2).bitwise_right_shift(2).to(at::kByte);
}

at::Tensor nearest_index(std::int64_t count, int size, const at::Device& device) {
  std::vector<std::int64_t> index;
  const double scale = 1.0 / (static_cast<double>(size) / static_cast<double>(count));
  for (int i = 0; i < size; ++i) {
    index.push_back(std::min(static_cast<std::int64_t>(std::floor(i * scale)), count - 1));
  }
  return tensor::upload(at::tensor(index, at::kLong), device);
}

}  // namespace

at::Tensor resized_crop(const at::Tensor& plane_YX, const Crop& crop, int size,
                        Interpolation interpolation) {
  const at::Tensor crop_YX = plane_YX.narrow(0, crop.y, crop.height).narrow(1, crop.x, crop.width);
  if (crop.height == size && crop.width == size) {
    return crop_YX;
  }
  if (interpolation == Interpolation::bilinear) {
    return resize_bilinear(crop_YX, size);
  }
  return crop_YX.index_select(0, nearest_index(crop.height, size, plane_YX.device()))
      .index_select(1, nearest_index(crop.width, size, plane_YX.device()));
}

}  // namespace retina::augment
