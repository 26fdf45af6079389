#include "retina/augment/warp.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Warp, RaggedSourcesKeepApart) {
  std::vector<WarpSource> sources;
  for (const std::int64_t side : {8, 12}) {
    Geometry g;
    g.plane_shape = {1, side, side};
    g.crop = {.y = 0, .x = 0, .height = side, .width = side};
    compose(g, {.size = 10});
    const at::Tensor plane = at::full({side, side}, side, at::kByte);
    sources.push_back({.image_YX = plane, .labels_YX = plane, .map = g.map});
  }
  const WarpedPlanes out = warp_batch(sources, 10, at::kCPU);
  EXPECT_TRUE((out.images_NYX[0] == 8).all().item<bool>());
  EXPECT_TRUE((out.images_NYX[1] == 12).all().item<bool>());
  EXPECT_TRUE((out.labels_NYX[1] == 12).all().item<bool>());
}

}  // namespace
}  // namespace retina::augment
