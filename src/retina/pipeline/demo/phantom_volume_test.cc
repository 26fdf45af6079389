#include "retina/pipeline/demo/phantom_volume.h"

#include <gtest/gtest.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(PhantomVolume, WhatIsWrittenIsThePhantom) {
  const testing::TempFolder folder;
  const std::string path = folder / "p.zarr";
  phantom::PhantomOptions options;
  options.shape = {20, 150, 40};
  options.seed = 3;
  const phantom::Phantom phantom(options);
  write_phantom(phantom, {.path = path, .threads = 2}, core::silent_context());

  const core::Box3 part{{3, 100, 5}, {4, 40, 30}};
  const phantom::PhantomBlock block = phantom.block(part);
  const auto image = store::open(path);
  EXPECT_EQ(image->info().voxel_nm, phantom.voxel_nm());
  EXPECT_EQ(image->read(part), block.image);
  EXPECT_EQ(store::open(path + "/labels/semantic")->read(part), block.semantic);
  EXPECT_EQ(store::open(path + "/labels/instances")->read(part), block.instances);
}

}  // namespace
}  // namespace retina::pipeline
