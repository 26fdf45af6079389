#pragma once

#include <cstdint>
#include <string>

#include "retina/core/array.h"
#include "retina/report/picture.h"

namespace retina::pipeline {

/// A plane small enough for a page.
struct Thumbnail {
  std::string name;
  core::Array image;   ///< u8, {1,y,x}
  core::Array labels;  ///< u8 class ids of the same shape; no elements for unlabelled data
};

/// Makes one of a plane {1,y,x} that comes in bands of whole rows from row `y` on: the image by the
/// mean of blocks of pixels, of the labels the middle of each block.
class ThumbnailMaker {
 public:
  explicit ThumbnailMaker(const core::Vec3& plane);

  void add_image(const core::Array& rows, std::int64_t y);
  void add_labels(const core::Array& rows, std::int64_t y);
  Thumbnail named(std::string name) const;

 private:
  core::Vec3 plane_;
  report::Shrinker image_;
  core::Array labels_;
};

}  // namespace retina::pipeline
