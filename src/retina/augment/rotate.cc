#include "retina/augment/rotate.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

constexpr int kCoordinateBits = 10;  ///< of the summed row and column parts of a coordinate
constexpr int kFractionBits = 5;     ///< of the position between two pixels

/// Fixed-point source coordinate = along[n][x] + across[n][y].
struct Coordinate {
  at::Tensor along_NX;   ///< i32
  at::Tensor across_NY;  ///< i32

  at::Tensor sum_NYX(int rounding) const {
    return along_NX.unsqueeze(1) + across_NY.unsqueeze(2) + rounding;
  }
};

int fixed(double value) {
  return static_cast<int>(std::nearbyint(value * (1 << kCoordinateBits)));
}

Coordinate coordinate(const std::vector<std::array<double, 6>>& maps, std::size_t row,
                      std::int64_t height, std::int64_t width, const at::Device& device) {
  std::vector<int> along;
  std::vector<int> across;
  for (const auto& m : maps) {
    for (std::int64_t x = 0; x < width; ++x) {
      along.push_back(fixed(m[row] * static_cast<double>(x)));
    }
    for (std::int64_t y = 0; y < height; ++y) {
      across.push_back(fixed(m[row + 1] * static_cast<double>(y) + m[row + 2]));
    }
  }
  const auto count = static_cast<std::int64_t>(maps.size());
  return {tensor::upload(at::tensor(along, at::kInt).view({count, width}), device),
          tensor::upload(at::tensor(across, at::kInt).view({count, height}), device)};
}

/// reflect-101 of whole coordinates into 0..count-1.
at::Tensor reflected(const at::Tensor& index, std::int64_t count) {
  if (count == 1) {
    return at::zeros_like(index);
  }
  const std::int64_t period = 2 * (count - 1);
  const at::Tensor within = index.remainder(period);
  return at::minimum(within, period - within);
}

at::Tensor gather(const at::Tensor& images_NYX, const at::Tensor& y_NYX, const at::Tensor& x_NYX) {
  const std::int64_t height = images_NYX.size(1);
  const std::int64_t width = images_NYX.size(2);
  const at::Tensor index =
      (reflected(y_NYX, height) * width + reflected(x_NYX, width)).to(at::kLong);
  return images_NYX.reshape({images_NYX.size(0), -1})
      .gather(1, index.flatten(1))
      .view(index.sizes());
}

at::Tensor rotate_bilinear(const at::Tensor& images_NYX, const Coordinate& cx,
                           const Coordinate& cy) {
  constexpr int kDrop = kCoordinateBits - kFractionBits;
  constexpr int kOne = 1 << kFractionBits;
  const at::Tensor x = cx.sum_NYX(1 << (kDrop - 1)).bitwise_right_shift(kDrop);
  const at::Tensor y = cy.sum_NYX(1 << (kDrop - 1)).bitwise_right_shift(kDrop);
  const at::Tensor share_x = x.bitwise_and(kOne - 1);
  const at::Tensor share_y = y.bitwise_and(kOne - 1);
  const at::Tensor left = x.bitwise_right_shift(kFractionBits);
  const at::Tensor top = y.bitwise_right_shift(kFractionBits);
  const auto corner = [&](int down, int right) {
    const at::Tensor weight =
        (down == 1 ? share_y : kOne - share_y) * (right == 1 ? share_x : kOne - share_x);
    return gather(images_NYX, top + down, left + right).to(at::kInt) * weight;
  };
  const at::Tensor sum = corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1);
  return (sum + kOne * kOne / 2).bitwise_right_shift(2 * kFractionBits).to(at::kByte);
}

}  // namespace

/// As OpenCV inverts the rotation matrix: the order of operations decides the last bits.
std::array<double, 6> rotation_source(double degrees, std::int64_t height, std::int64_t width) {
  const double radians = degrees * std::numbers::pi / 180.0;
  const double centre_x = static_cast<double>(width) / 2 - 0.5;
  const double centre_y = static_cast<double>(height) / 2 - 0.5;
  const double a = std::cos(radians);
  const double b = std::sin(radians);
  const std::array<double, 6> m{a,  b, (1 - a) * centre_x - b * centre_y,
                                -b, a, b * centre_x + (1 - a) * centre_y};
  const double d = 1.0 / (m[0] * m[4] - m[1] * m[3]);
  std::array<double, 6> inverse{m[4] * d, m[1] * -d, 0, m[3] * -d, m[0] * d, 0};
  inverse[2] = -inverse[0] * m[2] - inverse[1] * m[5];
  inverse[5] = -inverse[3] * m[2] - inverse[4] * m[5];
  return inverse;
}

at::Tensor rotate(const at::Tensor& images_NYX, std::span<const double> degrees,
                  Interpolation interpolation) {
  const std::int64_t height = images_NYX.size(1);
  const std::int64_t width = images_NYX.size(2);
  std::vector<std::array<double, 6>> maps;
  for (const double angle : degrees) {
    maps.push_back(rotation_source(angle, height, width));
  }
  const Coordinate x = coordinate(maps, 0, height, width, images_NYX.device());
  const Coordinate y = coordinate(maps, 3, height, width, images_NYX.device());
  if (interpolation == Interpolation::bilinear) {
    return rotate_bilinear(images_NYX, x, y);
  }
  constexpr int kHalf = 1 << (kCoordinateBits - 1);
  return gather(images_NYX, y.sum_NYX(kHalf).bitwise_right_shift(kCoordinateBits),
                x.sum_NYX(kHalf).bitwise_right_shift(kCoordinateBits));
}

}  // namespace retina::augment
