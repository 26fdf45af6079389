#include "retina/store/output_place.h"

#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(OutputPlace, AnOutputOfItsOwnLiesBesideItselfUntilItIsFinished) {
  for (const char* path : {"/nowhere/a.tif", "/nowhere/a.tif/"}) {
    const OutputPlace place = output_place(path);
    EXPECT_EQ(place.final_path, "/nowhere/a.tif");
    EXPECT_EQ(place.beside, "/nowhere/a.tif");
    EXPECT_EQ(place.partial, "/nowhere/.a.tif.partial");
    EXPECT_EQ(place.extension, ".tif");
    EXPECT_TRUE(place.inner.empty());
  }
}

TEST(OutputPlace, AnImageInsideAnImageLiesOutsideUntilItIsFinished) {
  for (const char* path : {"/nowhere/x.zarr/labels/a", "/nowhere/x.zarr:/labels//a/"}) {
    const OutputPlace place = output_place(path);
    EXPECT_TRUE(place.is_zarr);
    EXPECT_EQ(place.root, "/nowhere/x.zarr");
    EXPECT_EQ(place.inner, "labels/a");
    EXPECT_EQ(place.extension, ".zarr");
    EXPECT_EQ(place.final_path, "/nowhere/x.zarr/labels/a");
    EXPECT_EQ(place.beside, "/nowhere/x.zarr.labels.a");
    EXPECT_EQ(place.partial, "/nowhere/.x.zarr.labels.a.partial");
  }
}

TEST(OutputPlace, ADatasetIsKeptApartFromTheOthersOfItsFile) {
  const OutputPlace place = output_place("x.h5:/volumes/labels.zarr");
  EXPECT_TRUE(place.is_hdf5);
  EXPECT_FALSE(place.is_zarr);
  EXPECT_EQ(place.root, "x.h5");
  EXPECT_EQ(place.final_path, "x.h5");
  EXPECT_EQ(place.inner, "volumes/labels.zarr");
  EXPECT_EQ(place.beside, "x.h5.volumes.labels.zarr");
  EXPECT_EQ(place.partial, ".x.h5.volumes.labels.zarr.partial");
}

}  // namespace
}  // namespace retina::store
