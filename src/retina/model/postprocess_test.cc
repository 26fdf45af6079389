#include "retina/model/postprocess.h"

#include <gtest/gtest.h>

namespace retina::model {
namespace {

TEST(Postprocess, DoesNothingByDefault) {
  EXPECT_TRUE(Postprocess{}.validate().empty());
  EXPECT_EQ(core::options_from_json<Postprocess>(Json::object()), Postprocess{});
}

TEST(Postprocess, NamesEveryBadValue) {
  const Postprocess bad{.min_object_size = -1, .min_object_nm3 = -2, .instances = 7};
  EXPECT_EQ(bad.validate().size(), 3U);
}

TEST(Postprocess, WhatTheUserAsksForReplacesTheModels) {
  const Postprocess base{.min_object_size = 50, .fill_holes = FillHoles::volume, .instances = 26};
  EXPECT_EQ(PostprocessChanges{}.over(base), base);
  const Postprocess changed =
      PostprocessChanges{.min_object_size = 0, .fill_holes = FillHoles::none}.over(base);
  EXPECT_EQ(changed, (Postprocess{.instances = 26}));
}

}  // namespace
}  // namespace retina::model
