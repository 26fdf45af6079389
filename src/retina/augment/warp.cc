#include "retina/augment/warp.h"

#include <algorithm>

#include "retina/augment/sample_kernel.h"
#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

constexpr int kOne = 1 << kWeightBits;

/// Per-sample numbers as columns [N,1,1] on the device.
class Parameters {
 public:
  Parameters(const std::vector<WarpSource>& sources, const at::Device& device) {
    constexpr std::int64_t kColumns = 16;
    std::vector<float> values;
    std::vector<std::int64_t> sizes;
    std::int64_t offset = 0;
    for (const WarpSource& source : sources) {
      for (const double r : source.map.rotation) {
        values.push_back(static_cast<float>(r));
      }
      const SourceMap& m = source.map;
      for (const double v : {m.scale_x, m.scale_y, m.offset_x, m.offset_y, m.low_x, m.high_x,
                             m.low_y, m.high_y, m.fold_x, m.fold_y}) {
        values.push_back(static_cast<float>(v));
      }
      sizes.insert(sizes.end(), {source.image_YX.size(0), source.image_YX.size(1), offset});
      offset += source.image_YX.numel();
    }
    values_NP_ = tensor::upload(at::tensor(values).view({-1, kColumns}), device);
    sizes_NP_ = tensor::upload(at::tensor(sizes, at::kLong).view({-1, 3}), device);
  }
  at::Tensor rotation(int i) const { return column(values_NP_, i); }
  at::Tensor scale(int axis) const { return column(values_NP_, 6 + axis); }  ///< axis 0 = x, 1 = y
  at::Tensor offset(int axis) const { return column(values_NP_, 8 + axis); }
  at::Tensor low(int axis) const { return column(values_NP_, 10 + 2 * axis); }
  at::Tensor high(int axis) const { return column(values_NP_, 11 + 2 * axis); }
  at::Tensor fold(int axis) const { return column(values_NP_, 14 + axis); }
  at::Tensor height() const { return column(sizes_NP_, 0); }
  at::Tensor width() const { return column(sizes_NP_, 1); }
  at::Tensor start() const { return column(sizes_NP_, 2); }

 private:
  static at::Tensor column(const at::Tensor& table, int i) {
    return table.select(1, i).view({-1, 1, 1});
  }

  at::Tensor values_NP_;
  at::Tensor sizes_NP_;
};

/// Whole neighbour and weight of the next one (0..kOne) along one axis.
struct Position {
  at::Tensor index, weight;
};

/// `repeated`: some coordinates may need more than one reflection.
Position locate(const Parameters& p, int axis, int size, const at::Tensor& count, bool repeated) {
  const auto options = at::TensorOptions(at::kFloat).device(count.device());
  const at::Tensor x = at::arange(size, options).view({1, 1, size});
  const at::Tensor y = at::arange(size, options).view({1, size, 1});
  at::Tensor u =
      p.rotation(3 * axis) * x + (p.rotation(3 * axis + 1) * y + p.rotation(3 * axis + 2));
  at::Tensor folded = u.abs();
  const at::Tensor fold = p.fold(axis);
  if (repeated) {  // not a number where fold is 0; such values are not taken
    folded = folded - fold * (folded / fold).trunc();
  }
  u = at::where(fold > 0, at::minimum(folded, fold - folded), u);
  const at::Tensor position =
      at::minimum(at::maximum(p.scale(axis) * u + p.offset(axis), p.low(axis)), p.high(axis));
  const at::Tensor index = at::minimum(position.to(at::kLong), count - 2);
  return {index, ((position - index.to(at::kFloat)) * kOne + 0.5).to(at::kLong)};
}

at::Tensor flat(const std::vector<WarpSource>& sources, at::Tensor WarpSource::*plane,
                const at::Device& device) {
  std::vector<at::Tensor> parts;
  for (const WarpSource& source : sources) {
    parts.push_back((source.*plane).flatten());
  }
  return tensor::upload(at::cat(parts), device);
}

}  // namespace

WarpedPlanes warp_batch(const std::vector<WarpSource>& sources, int size,
                        const at::Device& device) {
  const Parameters p(sources, device);
  const bool repeated = std::any_of(
      sources.begin(), sources.end(),
      [size](const WarpSource& source) { return reflects_repeatedly(source.map, size); });
  const Position x = locate(p, 0, size, p.width(), repeated);
  const Position y = locate(p, 1, size, p.height(), repeated);
  const at::Tensor first = p.start() + y.index * p.width() + x.index;
  const at::Tensor pixels = flat(sources, &WarpSource::image_YX, device);
  const auto pixel = [&](const at::Tensor& index) { return pixels.take(index).to(at::kLong); };
  const auto between = [&](const at::Tensor& left) {
    const at::Tensor a = pixel(left);
    return a.bitwise_left_shift(kWeightBits) + (pixel(left + 1) - a) * x.weight;
  };
  const at::Tensor top = between(first);
  const at::Tensor value =
      top.bitwise_left_shift(kWeightBits) + (between(first + p.width()) - top) * y.weight;
  WarpedPlanes out;
  out.images_NYX =
      (value + (1 << (2 * kWeightBits - 1))).bitwise_right_shift(2 * kWeightBits).to(at::kByte);
  if (sources.front().labels_YX.defined()) {
    const at::Tensor right = (x.weight >= kOne / 2).to(at::kLong);
    const at::Tensor below = (y.weight >= kOne / 2).to(at::kLong) * p.width();
    out.labels_NYX = flat(sources, &WarpSource::labels_YX, device).take(first + right + below);
  }
  return out;
}

}  // namespace retina::augment
