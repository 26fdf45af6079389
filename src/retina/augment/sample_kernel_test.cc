#include "retina/augment/sample_kernel.h"

#include <numeric>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

std::vector<std::uint8_t> ramp(std::int64_t height, std::int64_t width) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(height * width));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>((i * 7 + i / 11) % 251);
  }
  return pixels;
}

Geometry whole_plane(int size) {
  Geometry g;
  g.plane_shape = {1, size, size};
  g.crop = {.y = 0, .x = 0, .height = size, .width = size};
  return g;
}

SampleJob plain_job(const std::vector<std::uint8_t>& pixels, const Geometry& g, int size) {
  SampleJob job{.image = {pixels.data(), g.window.height, g.window.width},
                .labels = {pixels.data(), g.window.height, g.window.width},
                .map = g.map,
                .size = size,
                .normalisation = {}};
  job.table = grey_table(1.0F, 0.0F);
  return job;
}

struct Rendered {
  std::vector<float> image;
  std::vector<std::int64_t> labels;
};

Rendered render(const SampleJob& job) {
  const auto count = static_cast<std::size_t>(job.size * job.size);
  Rendered out{std::vector<float>(count), std::vector<std::int64_t>(count)};
  render_sample(job, out.image.data(), out.labels.data());
  return out;
}

TEST(SampleKernel, IdentityGivesThePixelsBack) {
  const auto pixels = ramp(20, 20);
  Geometry g = whole_plane(20);
  compose(g, {.size = 20});
  const Rendered out = render(plain_job(pixels, g, 20));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_EQ(out.image[i], pixels[i]);
    EXPECT_EQ(out.labels[i], pixels[i]);
  }
}

TEST(SampleKernel, QuarterTurnIsCounterClockwise) {
  const auto pixels = ramp(16, 16);
  Geometry g = whole_plane(16);
  g.angle = 90;
  compose(g, {.size = 16});
  const Rendered out = render(plain_job(pixels, g, 16));
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t x = 0; x < 16; ++x) {
      EXPECT_EQ(out.image[y * 16 + x], pixels[x * 16 + (15 - y)]);
    }
  }
}

TEST(SampleKernel, FlipsReverseColumnsAndRows) {
  const auto pixels = ramp(16, 16);
  Geometry g = whole_plane(16);
  g.flip_x = g.flip_y = true;
  compose(g, {.size = 16});
  const Rendered out = render(plain_job(pixels, g, 16));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_EQ(out.image[i], pixels[pixels.size() - 1 - i]);
  }
}

TEST(SampleKernel, PlaneSmallerThanTheCropIsReflected) {
  const auto pixels = ramp(3, 5);
  Geometry g = draw_geometry(
      {.size = 8, .resized_crop = false, .rotate_probability = 0, .flip_probability = 0}, 1,
      {1, 3, 5}, std::nullopt);
  ASSERT_FALSE(window_is_box(g));
  const auto window = reflect_window({pixels.data(), 3, 5}, g);
  const Rendered out = render(plain_job(window, g, 8));
  for (std::int64_t y = 0; y < 8; ++y) {
    for (std::int64_t x = 0; x < 8; ++x) {
      const std::int64_t source = reflect_101(y - 2, 3) * 5 + reflect_101(x - 1, 5);
      EXPECT_EQ(out.image[static_cast<std::size_t>(y * 8 + x)],
                pixels[static_cast<std::size_t>(source)]);
    }
  }
}

TEST(SampleKernel, LabelsAreNeverBlended) {
  std::vector<std::uint8_t> pixels(30 * 30, 0);
  std::fill(pixels.begin() + 450, pixels.end(), std::uint8_t{200});
  Geometry g = whole_plane(30);
  g.angle = 31;
  compose(g, {.size = 30});
  for (const std::int64_t id : render(plain_job(pixels, g, 30)).labels) {
    EXPECT_TRUE(id == 0 || id == 200) << id;
  }
}

}  // namespace
}  // namespace retina::augment
