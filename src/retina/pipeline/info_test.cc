#include "retina/pipeline/info.h"

#include <gtest/gtest.h>

#include "retina/store/open.h"
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
  EXPECT_FALSE(json["format"].get<std::string>().empty());
}

TEST(Info, APathIsNeeded) {
  EXPECT_THROW(core::options_from_json<InfoOptions>(Json::object()), Error);
}

}  // namespace
}  // namespace retina::pipeline
