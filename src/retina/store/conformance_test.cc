// What conformance.h declares, and the formats that have no conformance test of their own.
#include "retina/store/conformance.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/json.h"
#include "retina/store/open.h"
#include "retina/testing/fixtures.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {

core::Array conformance_values(core::DType dtype, int channels, const core::Vec3& shape) {
  core::Array values(dtype, channels, shape);
  core::dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int c = 0; c < channels; ++c) {
      for (std::int64_t z = 0; z < shape[0]; ++z) {
        for (std::int64_t y = 0; y < shape[1]; ++y) {
          for (std::int64_t x = 0; x < shape[2]; ++x) {
            const std::int64_t value = (31 * c + 13 * z + 7 * y + 3 * x) % 97;
            values.at<T>(c, z, y, x) = static_cast<T>((z + y) % 3 != 0 ? value : 0);
          }
        }
      }
    }
  });
  return values;
}

Json write_case(const std::filesystem::path& folder, const WrittenCase& written, int levels) {
  CreateOptions options;
  options.dtype = written.dtype;
  options.channels = written.channels;
  options.shape = written.shape;
  options.voxel_nm = core::Vec3d{50, 4.6, 4.6};
  options.pyramid_levels = levels;
  options.compression = written.compression;
  options.is_labels = written.path.find("labels") != std::string::npos;
  if (written.path.find(".zarr") != std::string::npos) {
    options.zarr_version = written.zarr_version;
    options.offset_nm = {100, 9.2, 0};
    options.chunk = {4, 32, 32};
    if (written.zarr_version == ZarrVersion::v0_5) {
      options.shard = {8, 64, 64};
    }
  }
  const auto output = create((folder / written.path).string(), options);
  output->write(core::whole(options.shape),
                conformance_values(options.dtype, options.channels, options.shape));
  output->finish();
  std::vector<std::int64_t> shape(options.shape.begin(), options.shape.end());
  if (options.channels > 1) {
    shape.insert(shape.begin() + (written.dimensions == "zcyx" ? 1 : 0), options.channels);
  }
  return {{"path", written.path}, {"shape", shape}, {"dtype", core::name_of(options.dtype)}};
}

void save_cases(const std::filesystem::path& folder, const Json& cases) {
  std::ofstream(folder / "expected.json") << cases.dump();
}

TEST_P(ConformanceOfReadersE2e, ReadWhatPythonWrote) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  ASSERT_EQ(run_script(GetParam().script, "write", folder.path()), "written\n");
  for (const Json& written : core::read_json(folder / "expected.json")) {
    const std::string path = written["path"];
    const auto volume = open((folder / path).string());
    const core::Array values = volume->read(core::whole(volume->shape()));
    EXPECT_EQ(core::name_of(values.dtype()), written["dtype"].get<std::string>()) << path;
    EXPECT_TRUE(values == conformance_values(values.dtype(), values.channels(), values.shape()))
        << path;
    std::int64_t count = 1;
    for (const Json& side : written["shape"]) {
      count *= side.get<std::int64_t>();
    }
    EXPECT_EQ(values.elements(), count) << path;
    const core::VolumeInfo& info = volume->info();
    if (written.contains("voxel_nm")) {
      const Json& voxel = written["voxel_nm"];
      EXPECT_EQ(info.voxel_nm.has_value(), !voxel.is_null()) << path;
      EXPECT_EQ(info.voxel_nm.value_or(core::Vec3d{}),
                voxel.is_null() ? core::Vec3d{} : voxel.get<core::Vec3d>())
          << path;
    }
    if (written.contains("offset_nm")) {
      EXPECT_EQ(info.offset_nm, written["offset_nm"].get<core::Vec3d>()) << path;
    }
    if (written.contains("axes")) {
      EXPECT_EQ(info.axes, written["axes"].get<std::string>()) << path;
    }
    if (written.contains("format")) {
      EXPECT_EQ(info.format, written["format"].get<std::string>()) << path;
    }
    if (written.contains("note")) {
      EXPECT_THAT(info.notes,
                  ::testing::Contains(::testing::HasSubstr(written["note"].get<std::string>())))
          << path;
    }
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConformanceOfReadersE2e);

TEST(ConformanceE2e, PythonReadsOurImages) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16}) {
    const std::string name(core::name_of(dtype));
    cases.push_back(write_case(folder.path(),
                               {.path = name + ".png", .dtype = dtype, .shape = {1, 70, 83}}, 0));
    cases.push_back(write_case(folder.path(), {.path = name, .dtype = dtype}, 0));
  }
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_images.py", "read", folder.path()), "equal\n");
}

INSTANTIATE_TEST_SUITE_P(Images, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"images", "check_images.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace retina::store
