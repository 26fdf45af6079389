#include "retina/store/conformance.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(ConformanceE2e, PythonReadsOurOmeZarr) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    cases.push_back(write_case(
        folder.path(), {.path = std::string(core::name_of(dtype)) + ".zarr", .dtype = dtype}, 2));
  }
  cases.push_back(write_case(folder.path(), {.path = "channels.zarr", .channels = 3}, 2));
  cases.push_back(
      write_case(folder.path(), {.path = "uint8.zarr/labels/semantic", .dtype = DType::u32}, 2));
  for (WrittenCase written : {WrittenCase{.path = "v4_uint8.zarr"},
                              WrittenCase{.path = "v4_float64.zarr", .dtype = DType::f64},
                              WrittenCase{.path = "v4_channels.zarr", .channels = 3},
                              WrittenCase{.path = "v4_uint8.zarr/labels/a", .dtype = DType::u64}}) {
    written.zarr_version = ZarrVersion::v0_4;
    cases.push_back(write_case(folder.path(), written, 2));
  }
  for (Json& written : cases) {
    written["levels"] = 3;
    written["scales"] = {{50, 4.6, 4.6}, {50, 9.2, 9.2}, {50, 18.4, 18.4}};
    written["translations"] = {{100, 9.2, 0}, {100, 11.5, 2.3}, {100, 16.1, 6.9}};
  }
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_ome_zarr.py", "read", folder.path()), "equal\n");
}

INSTANTIATE_TEST_SUITE_P(OmeZarr, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"ome_zarr", "check_ome_zarr.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
