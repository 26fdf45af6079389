#include "retina/report/picture.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace retina::report {
namespace {

core::Array plane_of(std::initializer_list<int> values) {
  core::Array plane(core::DType::u8, 1, {1, 1, static_cast<std::int64_t>(values.size())});
  std::size_t i = 0;
  for (const int value : values) {
    plane.values<std::uint8_t>()[i++] = static_cast<std::uint8_t>(value);
  }
  return plane;
}

int brightest_channel(const core::Array& rgb, std::int64_t x) {
  int best = 0;
  for (int c = 1; c < 3; ++c) {
    if (rgb.at<std::uint8_t>(c, 0, 0, x) > rgb.at<std::uint8_t>(best, 0, 0, x)) {
      best = c;
    }
  }
  return best;
}

TEST(Pictures, ErrorsAreGreenRedAndBlue) {
  const core::Array image = plane_of({100, 100, 100, 100, 100, 100});
  const core::Array prediction = plane_of({1, 1, 0, 0, 1, 2});
  const core::Array truth = plane_of({1, 0, 1, 0, 255, 1});

  const Picture picture = errors("errors", image, prediction, truth);

  EXPECT_EQ(brightest_channel(picture.pixels, 0), 1) << "both";
  EXPECT_EQ(brightest_channel(picture.pixels, 1), 0) << "predicted only";
  EXPECT_EQ(brightest_channel(picture.pixels, 2), 2) << "missed";
  EXPECT_EQ(brightest_channel(picture.pixels, 5), 0) << "another class";
  for (const std::int64_t x : {3, 4}) {
    for (int c = 0; c < 3; ++c) {
      EXPECT_EQ(picture.pixels.at<std::uint8_t>(c, 0, 0, x), 100) << "untouched at " << x;
    }
  }
}

TEST(Pictures, OverlayLeavesBackgroundGreyAndColoursLabels) {
  const core::Array image = plane_of({10, 10});
  core::Array labels(core::DType::u32, 1, {1, 1, 2});
  labels.values<std::uint32_t>()[1] = 70000;

  const Picture picture = overlay("labels", image, labels);

  EXPECT_EQ(picture.pixels.channels(), 3);
  EXPECT_EQ(picture.pixels.at<std::uint8_t>(0, 0, 0, 0), 10);
  EXPECT_GT(picture.pixels.at<std::uint8_t>(brightest_channel(picture.pixels, 1), 0, 0, 1), 50);
}

TEST(Pictures, ShrinkOfPartsIsThatOfTheWhole) {
  for (const core::Vec3 shape : {core::Vec3{1, 37, 90}, {1, 3, 90}, {1, 90, 7}, {1, 20, 20}}) {
    core::Array image(core::DType::u8, 2, shape);
    std::uint8_t next = 0;
    for (std::uint8_t& value : image.values<std::uint8_t>()) {
      value = next += 29;
    }
    for (const std::int64_t rows : {1, 4, 7, 100}) {
      Shrinker shrinker(shape, 2, 20);
      for (std::int64_t y = 0; y < shape[1]; y += rows) {
        core::Array part(core::DType::u8, 2, {1, std::min(rows, shape[1] - y), shape[2]});
        core::copy_overlap(image, {0, 0, 0}, part, {0, y, 0});
        shrinker.add(part, y);
      }
      EXPECT_EQ(shrinker.result(), shrink(image, 20)) << shape[1] << " x " << shape[2];
    }
  }
}

TEST(Pictures, ShrinkOfAPlaneThinnerThanABlockIsTheMeanOfWhatThereIs) {
  core::Array image(core::DType::u8, 1, {1, 2, 9});
  for (std::int64_t x = 0; x < 9; ++x) {
    image.at<std::uint8_t>(0, 0, 0, x) = static_cast<std::uint8_t>(10 * x);
    image.at<std::uint8_t>(0, 0, 1, x) = static_cast<std::uint8_t>(10 * x + 50);
  }
  const core::Array small = shrink(image, 3);
  ASSERT_EQ(small.shape(), (core::Vec3{1, 1, 3}));
  EXPECT_EQ(small.at<std::uint8_t>(0, 0, 0, 0), 35);
  EXPECT_EQ(small.at<std::uint8_t>(0, 0, 0, 2), 95);
}

TEST(Pictures, ShrinkKeepsTheMeanAndTheBound) {
  core::Array image(core::DType::u8, 1, {1, 40, 90});
  for (std::int64_t y = 0; y < 40; ++y) {
    for (std::int64_t x = 0; x < 90; ++x) {
      image.at<std::uint8_t>(0, 0, y, x) = x % 2 == 0 ? 100 : 50;
    }
  }
  const core::Array small = shrink(image, 45);
  EXPECT_EQ(small.shape(), (core::Vec3{1, 20, 45}));
  EXPECT_EQ(small.at<std::uint8_t>(0, 0, 10, 10), 75);
}

}  // namespace
}  // namespace retina::report
