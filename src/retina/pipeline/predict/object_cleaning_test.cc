#include "retina/pipeline/predict/object_cleaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using engine::AxesMode;

core::VolumeInfo volume_info_to_clean(std::optional<core::Vec3d> voxel_nm = std::nullopt) {
  core::VolumeInfo info;
  info.source = "input";
  info.shape = {10, 20, 30};
  info.voxel_nm = voxel_nm;
  return info;
}

TEST(ObjectCleaning, ByDefaultNothingIsDone) {
  EXPECT_FALSE(cleans(clean_rules({}, volume_info_to_clean(), AxesMode::stack)));
}

TEST(ObjectCleaning, NeighboursSayWhatAnObjectIs) {
  using label::Connectivity;
  using label::Extent;
  const std::tuple<int, Connectivity, Extent> expected[] = {
      {4, Connectivity::faces, Extent::slices},
      {8, Connectivity::corners, Extent::slices},
      {6, Connectivity::faces, Extent::volume},
      {18, Connectivity::edges, Extent::volume},
      {26, Connectivity::corners, Extent::volume}};
  for (const auto& [instances, connectivity, extent] : expected) {
    const auto rules =
        clean_rules({.instances = instances}, volume_info_to_clean(), AxesMode::stack);
    EXPECT_EQ(rules.objects.connectivity, connectivity) << instances;
    EXPECT_EQ(rules.objects.extent, extent) << instances;
    EXPECT_EQ(rules.ids, label::ObjectIds::wanted);
  }
  const model::Postprocess small{.min_object_size = 5};
  EXPECT_EQ(clean_rules(small, volume_info_to_clean(), AxesMode::plane).objects.extent,
            Extent::slices);
  EXPECT_EQ(clean_rules(small, volume_info_to_clean(), AxesMode::orthoplane).objects.extent,
            Extent::volume);
}

TEST(ObjectCleaning, APhysicalSizeBecomesVoxels) {
  const model::Postprocess postprocess{.min_object_size = 2, .min_object_nm3 = 1000};
  const auto info = volume_info_to_clean(core::Vec3d{10, 5, 3});
  EXPECT_EQ(clean_rules(postprocess, info, AxesMode::stack).min_voxels, 7U);
  try {
    clean_rules(postprocess, volume_info_to_clean(), AxesMode::stack);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--voxel-size-nm"));
  }
}

TEST(ObjectCleaning, HolesOfASingleImageAreThoseOfItsSlice) {
  core::VolumeInfo image = volume_info_to_clean();
  image.shape[0] = 1;
  const model::Postprocess postprocess{.fill_holes = model::FillHoles::volume};
  EXPECT_EQ(clean_rules(postprocess, image, AxesMode::plane).fill_holes, label::FillHoles::slices);
  EXPECT_EQ(clean_rules(postprocess, volume_info_to_clean(), AxesMode::stack).fill_holes,
            label::FillHoles::volume);
}

TEST(ObjectCleaning, IdsTakeTheSmallestTypeThatHoldsThem) {
  EXPECT_EQ(id_type(0), core::DType::u32);
  EXPECT_EQ(id_type(0xFFFF'FFFFULL), core::DType::u32);
  EXPECT_EQ(id_type(0x1'0000'0000ULL), core::DType::u64);
}

#if RETINA_WITH_IO
TEST(ObjectCleaning, AnyMemoryWritesTheSameLabelsAndIds) {
  const retina::testing::TempFolder folder;
  core::Array labels(core::DType::u8, 1, {40, 70, 90});
  for (std::int64_t i = 0; i < labels.elements(); ++i) {
    labels.values<std::uint8_t>()[static_cast<std::size_t>(i)] = (i * i / 7) % 5 < 2 ? 1 : 0;
  }
  const auto volume = core::in_memory(labels);
  const label::CleanRules rules =
      clean_rules({.min_object_size = 4, .fill_holes = model::FillHoles::volume, .instances = 6},
                  volume->info(), AxesMode::stack);
  core::Array of_whole[2];
  for (const std::int64_t max_bytes : {std::int64_t{1} << 30, std::int64_t{1} << 20}) {
    const auto make = [&](const std::string& name, core::DType dtype) {
      const std::string path = (folder / (name + std::to_string(max_bytes) + ".zarr")).string();
      return store::create(path, {.dtype = dtype,
                                  .shape = labels.shape(),
                                  .is_labels = true,
                                  .chunk = {16, 16, 16},
                                  .shard = {16, 32, 32}});
    };
    const CleanedTargets targets{.labels = [&] { return make("labels", core::DType::u8); },
                                 .ids = [&](core::DType dtype) { return make("ids", dtype); }};
    const CleanedCounts counts =
        write_cleaned(*volume, rules, targets, max_bytes, core::silent_context());
    EXPECT_GT(counts.objects, 0U);
    std::size_t i = 0;
    for (const char* name : {"labels", "ids"}) {
      const auto written =
          store::open((folder / (name + std::to_string(max_bytes) + ".zarr")).string());
      const core::Array values = written->read(core::whole(written->shape()));
      if (max_bytes > 1 << 20) {
        of_whole[i] = values;
      }
      EXPECT_EQ(values, of_whole[i++]) << name;
    }
  }
}

TEST(ObjectCleaning, MoreObjectsThanTheMemoryHoldsAreRefused) {
  const retina::testing::TempFolder folder;
  core::Array dots(core::DType::u8, 1, {40, 64, 64});
  for (std::int64_t i = 0; i < dots.elements(); i += 2) {  // every second of each axis
    const bool is_even = i / 64 % 2 == 0 && i / (64 * 64) % 2 == 0;
    dots.values<std::uint8_t>()[static_cast<std::size_t>(i)] = is_even ? 1 : 0;
  }
  const auto volume = core::in_memory(dots);
  const label::CleanRules rules =
      clean_rules({.min_object_size = 2}, volume->info(), AxesMode::stack);
  int made = 0;
  const CleanedTargets targets{.labels =
                                   [&] {
                                     return store::create(
                                         (folder / (std::to_string(made++) + ".zarr")).string(),
                                         {.shape = dots.shape(),
                                          .is_labels = true,
                                          .chunk = {16, 16, 16},
                                          .shard = {16, 32, 32}});
                                   },
                               .ids = {}};
  EXPECT_EQ(write_cleaned(*volume, rules, targets, 8 << 20, core::silent_context()).removed,
            20U * 32 * 32);
  try {
    write_cleaned(*volume, rules, targets, 1 << 20, core::silent_context());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--max-ram"));
  }
}
#endif

}  // namespace
}  // namespace retina::pipeline
