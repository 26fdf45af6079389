// What prediction costs in memory, on a volume that is made as it is read.
#include <algorithm>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/engine/volume_predictor.h"

namespace retina::engine {
namespace {

/// Its logits are its inputs.
class EchoNetwork final : public net::DenseNetwork {
 public:
  net::InputSpec input() const override { return {.rank = 2, .channels = 1, .window = 512}; }
  net::HeadSpec head() const override { return {"segmentation", 1, 1, "sigmoid"}; }
  at::Tensor forward(const at::Tensor& images_NCYX) override { return images_NCYX.clone(); }
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device, at::ScalarType) const override {
    return std::make_shared<EchoNetwork>();
  }
};

constexpr bool is_bright(std::int64_t z, std::int64_t y) {
  return (z + y / 8) % 3 == 0;
}

constexpr std::uint8_t brightness(std::int64_t z, std::int64_t y) {
  return is_bright(z, y) ? 220 : 30;
}

/// Rows of bright or dark pixels.
class StripedVolume final : public core::Volume {
 public:
  explicit StripedVolume(const core::Vec3& shape) : Volume(describe_stripes(shape)) {}

  static core::VolumeInfo describe_stripes(const core::Vec3& shape) {
    core::VolumeInfo info;
    info.source = "stripes";
    info.shape = shape;
    return info;
  }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(core::DType::u8, 1, box.shape);
    for (std::int64_t z = 0; z < box.shape[0]; ++z) {
      for (std::int64_t y = 0; y < box.shape[1]; ++y) {
        std::fill_n(&values.at<std::uint8_t>(0, z, y, 0), box.shape[2],
                    brightness(z + box.start[0], y + box.start[1]));
      }
    }
    return values;
  }
};

/// Compares what is written with what the stripes give, and forgets it.
class CheckedLabels final : public core::Volume {
 public:
  explicit CheckedLabels(const core::Vec3& shape)
      : Volume(StripedVolume::describe_stripes(shape)) {}

  std::int64_t right() const { return right_; }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    return {core::DType::u8, 1, box.shape};
  }
  void write_box(const core::Box3& box, const core::Array& values) override {
    for (std::int64_t z = 0; z < box.shape[0]; ++z) {
      for (std::int64_t y = 0; y < box.shape[1]; ++y) {
        const auto* row = &values.at<std::uint8_t>(0, z, y, 0);
        right_ += std::count(row, row + box.shape[2],
                             is_bright(z + box.start[0], y + box.start[1]) ? 1 : 0);
      }
    }
  }

 private:
  std::int64_t right_ = 0;
};

TEST(VolumeMemorySlow, FourGibibytesArePredictedInLessThanTwo) {
  const core::Vec3 shape{1024, 2048, 2048};
  PlanePredictor predictor(std::make_shared<EchoNetwork>(), {.range = {}, .mean = 0.5, .std = 0.25},
                           {.overlap = 0, .blend = Blend::constant, .batch = 4}, at::kCPU,
                           at::kFloat);
  const StripedVolume input(shape);
  CheckedLabels labels(shape);
  const VolumePlan plan = plan_volume(
      input.info(), predictor,
      {.mode = AxesMode::stack, .unit = {64, 512, 512}, .max_bytes = std::int64_t{3} << 29});
  predict_volume(input, predictor, plan, AxesMode::stack, {.labels = {&labels}}, {},
                 core::silent_context());
  EXPECT_EQ(labels.right(), core::whole(shape).voxels());
  EXPECT_LT(core::peak_rss_bytes(), std::int64_t{2} << 30);
}

}  // namespace
}  // namespace retina::engine
