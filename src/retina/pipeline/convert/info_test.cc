#include "retina/pipeline/convert/info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/open.h"
#include "retina/store/pack/pack.h"
#include "retina/testing/sparse_volume.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(Info, SaysHowAFileWasUnderstood) {
  const testing::TempFolder folder;
  const std::string path = folder / "a.zarr";
  const auto volume = store::create(
      path, {.dtype = core::DType::u16, .shape = {4, 5, 6}, .voxel_nm = core::Vec3d{40, 4, 4}});
  core::Array values(core::DType::u16, 1, {4, 5, 6});
  values.at<std::uint16_t>(0, 3, 4, 5) = 777;
  volume->write(core::whole({4, 5, 6}), values);
  volume->finish();

  const Json json = to_json(info({.path = path}, core::silent_context()));
  EXPECT_EQ(json["shape"], (Json{4, 5, 6}));
  EXPECT_EQ(json["axes"], "zyx");
  EXPECT_EQ(json["dtype"], "uint16");
  EXPECT_EQ(json["voxel_nm"], (Json{40.0, 4.0, 4.0}));
  EXPECT_EQ(json["value_range"], (Json{0.0, 777.0}));
  EXPECT_TRUE(json["value_range_whole"]);
  EXPECT_FALSE(json["is_labels"]);
  EXPECT_FALSE(json["format"].get<std::string>().empty());
}

void make_zarr(const std::string& path, const core::Vec3& shape) {
  store::create(path, {.shape = shape, .is_labels = true})->finish();
}

TEST(Info, TheUserMayStateTheVoxelSizeButNotContradictTheAxes) {
  const testing::TempFolder folder;
  make_zarr(folder / "a.zarr", {2, 3, 4});
  InfoOptions options{.path = folder / "a.zarr",
                      .reading = {.axes = "zyx", .voxel_size_nm = {40, 4, 5}}};
  const Json json = to_json(info(options, core::silent_context()));
  EXPECT_EQ(json["voxel_nm"], (Json{40.0, 4.0, 5.0}));
  EXPECT_TRUE(json["datasets"].empty());
  options.reading.axes = "czyx";
  EXPECT_THROW(info(options, core::silent_context()), Error);
}

TEST(Info, ListsTheDatasetsOfAContainer) {
  const testing::TempFolder folder;
  make_zarr(folder / "a.zarr", {2, 3, 4});
  make_zarr(folder / "a.zarr/labels/cells", {2, 3, 4});
  make_zarr(folder / "a.zarr/labels/mito", {2, 3, 4});
  const InfoReport report = info({.path = folder / "a.zarr"}, core::silent_context());
  EXPECT_EQ(to_json(report)["shape"], (Json{2, 3, 4}));
  EXPECT_TRUE(to_json(report)["is_labels"]);
  EXPECT_THAT(to_text(report), ::testing::HasSubstr("label ids"));
  ASSERT_EQ(report.datasets.size(), 3U);
  EXPECT_EQ(report.datasets[1].path, (folder / "a.zarr").string() + ":labels/cells");

  const InfoReport group = info({.path = folder / "a.zarr/labels"}, core::silent_context());
  const Json json = to_json(group);
  EXPECT_EQ(json["format"], "container");
  EXPECT_TRUE(json["shape"].is_null());
  EXPECT_EQ(json["datasets"][1]["shape"], (Json{2, 3, 4}));
  EXPECT_THAT(to_text(group), ::testing::HasSubstr("name the one to use"));
}

TEST(Info, ListsTheItemsOfAPack) {
  const testing::TempFolder folder;
  std::vector<store::PackItem> items;
  for (int i = 0; i < 101; ++i) {
    store::PackItem item;
    item.name = "s" + std::to_string(i);
    item.image = core::in_memory(core::Array(core::DType::u8, 1, {1, 4, 5}));
    items.push_back(std::move(item));
  }
  items[1].labels = core::in_memory(core::Array(core::DType::u8, 1, {1, 4, 5}));
  const std::string path = folder / "p";
  store::write_pack(path, items, {}, core::silent_context());
  const InfoReport report = info({.path = path}, core::silent_context());
  EXPECT_FALSE(report.info);
  ASSERT_EQ(report.datasets.size(), 102U);
  EXPECT_EQ(report.datasets[1].path, path + ":s1");
  EXPECT_EQ(report.datasets[2].path, path + ":s1/labels");
  EXPECT_EQ(to_json(report)["datasets"][2]["shape"], (Json{1, 4, 5}));
  EXPECT_THAT(to_text(report), ::testing::HasSubstr("and 2 more"));
  EXPECT_EQ(to_json(info({.path = path + ":s1"}, core::silent_context()))["shape"],
            (Json{1, 4, 5}));
}

TEST(Info, DescribesAVolumeBeyond32BitsFromASample) {
  testing::SparseVolume volume({3000, 4000, 2500}, core::DType::u64);
  const InfoReport report = describe(volume);
  EXPECT_EQ(to_json(report)["shape"], (Json{3000, 4000, 2500}));
  EXPECT_FALSE(report.range.whole);
  EXPECT_LT(volume.voxels_read(), 1 << 20);
  EXPECT_THAT(to_text(report), ::testing::HasSubstr("223.5 GiB"));
}

TEST(Info, APathIsNeeded) {
  EXPECT_THROW(core::options_from_json<InfoOptions>(Json::object()), Error);
}

}  // namespace
}  // namespace retina::pipeline
