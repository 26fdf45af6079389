#include "retina/pipeline/predict/volume_outputs.h"

#include <cstddef>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

using Units = std::vector<core::Vec3>;

/// An output that stores blocks of `unit`, of which the first is there.
class BlockOutput final : public store::OutputVolume {
 public:
  BlockOutput(const core::Vec3& shape, const core::Vec3& unit) : OutputVolume({}, unit) {
    info_.source = "out";
    info_.shape = shape;
  }
  bool is_written(const core::Box3& box) const override { return box.start[0] == 0; }

 protected:
  core::Array read_box(const core::Box3& /*box*/) const override { return {}; }
};

TEST(VolumeOutputs, FormsOfPlanesHaveOneStorageUnit) {
  for (const char* output : {"a.tif", "a.nrrd", "a.pack", "a"}) {
    EXPECT_EQ(storage_units(output, {5, 30, 40}), (Units{{1, 30, 40}})) << output;
  }
}

TEST(VolumeOutputs, FormsOfBlocksHaveUnitsFromTheLargestDown) {
  for (const auto& [output, least] :
       {std::pair<const char*, core::Vec3>("a.zarr", {8, 64, 64}),
        std::pair<const char*, core::Vec3>("a.zarr/labels/b", {8, 64, 64}),
        std::pair<const char*, core::Vec3>("a.h5:/b", {32, 64, 64}),
        std::pair<const char*, core::Vec3>("a.precomputed", {64, 64, 64})}) {
    SCOPED_TRACE(output);
    const Units units = storage_units(output, {500, 600, 700});
    EXPECT_EQ(units.front(), (core::Vec3{64, 512, 512}));
    EXPECT_EQ(units.back(), least);
    for (std::size_t i = 1; i < units.size(); ++i) {
      EXPECT_LT(core::whole(units[i]).voxels(), core::whole(units[i - 1]).voxels());
    }
    EXPECT_EQ(storage_units(output, {1, 600, 700}), (Units{{1, 2048, 2048}, {1, 512, 512}}));
  }
}

TEST(VolumeOutputs, ProbabilitiesOfSeveralClassesAreNoPng) {
  EXPECT_EQ(probabilities_path("out.png", 1), "out_probabilities.png");
  EXPECT_EQ(probabilities_path("out.png", 3), "out_probabilities.tif");
  EXPECT_EQ(probabilities_path("out", 1), "out_probabilities");
  EXPECT_EQ(probabilities_path("out", 3), "out_probabilities.tif");
  EXPECT_EQ(probabilities_path("out.zarr", 3), "out_probabilities.zarr");
  EXPECT_EQ(probabilities_path("x.h5:/a", 3), "x.h5:/a_probabilities");
}

TEST(VolumeOutputs, ObjectIdsOfPlanesAreATiffStack) {
  for (const char* output : {"out.png", "out.nrrd", "out.tif", "out"}) {
    EXPECT_EQ(instances_path(output), "out_instances.tif") << output;
  }
  EXPECT_EQ(instances_path("out.zarr"), "out_instances.zarr");
  EXPECT_EQ(instances_path("x.h5:/a"), "x.h5:/a_instances");
}

TEST(VolumeOutputs, BlocksMustBeWholeStorageUnitsOfTheirOutput) {
  BlockOutput output({128, 128, 128}, {64, 64, 64});
  EXPECT_EQ(target_of(nullptr, {64, 64, 64}).volume, nullptr);
  for (const core::Vec3& unit : {core::Vec3{64, 64, 64}, core::Vec3{64, 512, 512}}) {
    const engine::VolumeTarget target = target_of(&output, unit);
    EXPECT_EQ(target.volume, &output);
    EXPECT_TRUE(target.is_written({{0, 0, 0}, {64, 64, 64}}));
    EXPECT_FALSE(target.is_written({{64, 0, 0}, {64, 64, 64}}));
  }
  try {
    target_of(&output, {64, 64, 32});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
  }
}

}  // namespace
}  // namespace retina::pipeline
