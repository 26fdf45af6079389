#include "retina/store/zarr/ome_zarr.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string write_image(const testing::TempFolder& folder) {
  CreateOptions options;
  options.shape = {4, 70, 66};
  options.voxel_nm = core::Vec3d{8, 8, 8};
  options.pyramid_levels = 1;
  const std::string path = (folder / "x.zarr").string();
  const auto output = create(path, options);
  output->write({{0, 0, 0}, {1, 1, 1}}, core::Array(core::DType::u8, 1, {1, 1, 1}));
  output->finish();
  return path;
}

std::string message_of_zarr(const std::string& path) {
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(OmeZarr, LevelsOpenByPathWithTheirScale) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  for (const char* inner : {"/1", ":/1", ":1"}) {
    const auto level = open(path + inner);
    EXPECT_EQ(level->shape(), (core::Vec3{2, 35, 33})) << inner;
    EXPECT_EQ(level->info().voxel_nm, (core::Vec3d{16, 16, 16})) << inner;
    EXPECT_EQ(level->info().offset_nm, (core::Vec3d{4, 4, 4})) << inner;
  }
}

TEST(OmeZarr, OpeningReadsNoChunks) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  std::filesystem::remove_all(path + "/0/c");
  core::write_atomically(path + "/1/c", std::string_view("a file where chunks should be"));
  EXPECT_EQ(open(path)->shape(), (core::Vec3{4, 70, 66}));
}

TEST(OmeZarr, AWrongPathListsWhatIsThere) {
  const testing::TempFolder folder;
  EXPECT_THAT(message_of_zarr(write_image(folder) + ":/raw"),
              ::testing::AllOf(::testing::HasSubstr("'raw'"), ::testing::HasSubstr("0, 1")));
}

TEST(OmeZarr, DamagedMetadataNameTheFile) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  std::ofstream(path + "/0/zarr.json") << "{\"node_type\": \"array\"}";
  EXPECT_THAT(message_of_zarr(path), ::testing::HasSubstr("0/zarr.json"));
  std::ofstream(path + "/zarr.json") << "{\"node_type\": ";
  EXPECT_THAT(message_of_zarr(path), ::testing::HasSubstr("zarr.json"));
}

TEST(OmeZarr, Version2IsRefusedByName) {
  const testing::TempFolder folder;
  std::filesystem::create_directories(folder / "old.zarr");
  std::ofstream(folder / "old.zarr/.zgroup") << "{\"zarr_format\": 2}";
  EXPECT_THAT(message_of_zarr((folder / "old.zarr").string()),
              ::testing::HasSubstr("zarr version 2"));
}

TEST(OmeZarr, PlainArraysTakeTheirAxesFromTheUser) {
  const testing::TempFolder folder;
  const std::string path = write_image(folder);
  Json json = core::read_json(path + "/0/zarr.json");
  json.erase("dimension_names");
  json["shape"] = {1, 4, 70, 66};
  json["chunk_grid"]["configuration"]["chunk_shape"] = {1, 4, 70, 66};
  json["codecs"] = Json::array({{{"name", "bytes"}}});
  std::filesystem::create_directories(folder / "plain.zarr");
  std::ofstream(folder / "plain.zarr/zarr.json") << json.dump();
  EXPECT_THAT(message_of_zarr((folder / "plain.zarr").string()), ::testing::HasSubstr("czyx"));
  OpenOptions options;
  options.axes = "czyx";
  EXPECT_EQ(open((folder / "plain.zarr").string(), options)->shape(), (core::Vec3{4, 70, 66}));
}

}  // namespace
}  // namespace retina::store
