#include "retina/pipeline/check/thumbnail.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(Thumbnail, ShowsTheImageAndTheLabelsOfItsPlaces) {
  const core::Vec3 plane{1, 600, 512};  // blocks of 3 x 3
  core::Array image(core::DType::u8, 1, plane);
  core::Array labels(core::DType::u8, 1, plane);
  for (std::int64_t y = 0; y < plane[1]; ++y) {
    for (std::int64_t x = 0; x < plane[2]; ++x) {
      image.at<std::uint8_t>(0, 0, y, x) = y < 300 ? 40 : 80;
      labels.at<std::uint8_t>(0, 0, y, x) = x < 255 ? 0 : 2;
    }
  }
  ThumbnailMaker maker(plane);
  for (std::int64_t y = 0; y < plane[1]; y += 100) {
    core::Array rows(core::DType::u8, 1, {1, 100, plane[2]});
    core::copy_overlap(image, {0, 0, 0}, rows, {0, y, 0});
    maker.add_image(rows, y);
    core::copy_overlap(labels, {0, 0, 0}, rows, {0, y, 0});
    maker.add_labels(rows, y);
  }
  const Thumbnail thumbnail = maker.named("a");
  EXPECT_EQ(thumbnail.name, "a");
  ASSERT_EQ(thumbnail.image.shape(), (core::Vec3{1, 200, 170}));
  ASSERT_EQ(thumbnail.labels.shape(), thumbnail.image.shape());
  EXPECT_EQ(thumbnail.image.at<std::uint8_t>(0, 0, 99, 5), 40);
  EXPECT_EQ(thumbnail.image.at<std::uint8_t>(0, 0, 100, 5), 80);
  EXPECT_EQ(thumbnail.labels.at<std::uint8_t>(0, 0, 7, 84), 0);
  EXPECT_EQ(thumbnail.labels.at<std::uint8_t>(0, 0, 7, 85), 2);
}

TEST(Thumbnail, ASmallPlaneIsShownAsItIs) {
  core::Array image(core::DType::u8, 1, {1, 3, 4});
  image.at<std::uint8_t>(0, 0, 1, 2) = 7;
  ThumbnailMaker maker(image.shape());
  maker.add_image(image, 0);
  EXPECT_EQ(maker.named("a").image, image);
  EXPECT_EQ(maker.named("a").labels.elements(), 0);
}

}  // namespace
}  // namespace retina::pipeline
