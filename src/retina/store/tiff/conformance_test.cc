#include "retina/store/conformance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(ConformanceE2e, TifffileReadsOurTiff) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  Json cases = Json::array();
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    for (const auto& [name, compression] :
         {std::pair("auto", Compression::automatic), std::pair("none", Compression::none),
          std::pair("deflate", Compression::deflate), std::pair("zstd", Compression::zstd)}) {
      cases.push_back(write_case(folder.path(),
                                 {.path = std::string(core::name_of(dtype)) + "_" + name + ".tif",
                                  .dtype = dtype,
                                  .compression = compression},
                                 0));
    }
  }
  cases.push_back(
      write_case(folder.path(), {.path = "channels.tif", .channels = 3, .dimensions = "zcyx"}, 0));
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::i8, DType::i16, DType::i32,
                            DType::f32, DType::f64}) {
    cases.push_back(
        write_case(folder.path(),
                   {.path = std::string(core::name_of(dtype)) + ".ome.tif", .dtype = dtype}, 0));
  }
  cases.push_back(write_case(folder.path(),
                             {.path = "channels.ome.tif", .channels = 3, .dimensions = "zcyx"}, 0));
  save_cases(folder.path(), cases);
  EXPECT_EQ(run_script("check_tiff.py", "read", folder.path()), "equal\n");
}

/// The greatest difference of two arrays of one dtype and size.
double greatest_difference(const core::Array& found, const core::Array& wanted) {
  double most = 0;
  core::dispatch(found.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = 0; i < found.values<T>().size(); ++i) {
      const auto difference =
          static_cast<double>(found.values<T>()[i]) - static_cast<double>(wanted.values<T>()[i]);
      most = std::max(most, std::abs(difference));
    }
  });
  return most;
}

TEST(ConformanceE2e, WeReadWhatTifffileWrote) {
  RETINA_SKIP_WITHOUT(tools_python());
  const testing::TempFolder folder;
  ASSERT_EQ(run_script("check_tiff.py", "write", folder.path()), "written\n");
  const Json cases = core::read_json(folder / "expected.json");
  EXPECT_GT(cases.size(), 300U);
  for (const Json& written : cases) {
    const std::string path = written["path"];
    SCOPED_TRACE(path);
    const auto volume = open((folder / path).string());
    EXPECT_EQ(volume->info().axes, written["axes"].get<std::string>());
    const auto shape = written["shape"].get<std::vector<std::int64_t>>();
    core::Array wanted(core::dtype_from_name(written["dtype"].get<std::string>()),
                       static_cast<int>(shape[0]), {shape[1], shape[2], shape[3]});
    const std::vector<std::byte> raw = core::read_bytes(folder / written["raw"].get<std::string>());
    ASSERT_EQ(raw.size(), wanted.bytes().size());
    std::copy(raw.begin(), raw.end(), wanted.bytes().begin());
    const core::Array found = volume->read(core::whole(volume->shape()));
    ASSERT_EQ(found.dtype(), wanted.dtype());
    ASSERT_EQ(found.channels(), wanted.channels());
    ASSERT_EQ(found.shape(), wanted.shape());
    if (const double tolerance = written["tolerance"]; tolerance > 0) {
      EXPECT_LE(greatest_difference(found, wanted), tolerance);
    } else {
      EXPECT_TRUE(found == wanted);
    }
    core::Rng rng(1);
    const core::Box3 box = random_box(rng, volume->shape());
    EXPECT_TRUE(volume->read(box) == cut(found, box));
    if (written.contains("voxel_nm")) {
      EXPECT_EQ(volume->info().voxel_nm, written["voxel_nm"].get<core::Vec3d>());
    }
    if (written.contains("note")) {
      EXPECT_THAT(volume->info().notes,
                  ::testing::Contains(::testing::HasSubstr(written["note"].get<std::string>())));
    }
  }
}

}  // namespace
}  // namespace retina::store
