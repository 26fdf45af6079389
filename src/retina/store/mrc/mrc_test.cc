#include "retina/store/mrc/mrc.h"

#include <bit>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/mrc/mrc_metadata.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

/// An MRC header for tests: 256 words, little endian unless swapped when it is written.
struct MrcForTest {
  std::array<std::int32_t, 256> words{};
  std::string extended;
  bool is_big_endian = false;

  MrcForTest(std::array<std::int32_t, 3> size, std::int32_t mode) {
    for (std::size_t i = 0; i < 3; ++i) {
      words[i] = size[i];
      words[7 + i] = size[i];                              // sampling
      set_real(10 + i, static_cast<float>(size[i]) * 40);  // 4 nm
      words[16 + i] = static_cast<std::int32_t>(i) + 1;    // axes
    }
    words[3] = mode;
    std::memcpy(&words[52], "MAP ", 4);
    words[53] = 0x00004444;
  }

  void set_real(std::size_t word, float value) { words[word] = std::bit_cast<std::int32_t>(value); }

  void write(const std::string& path, std::span<const std::byte> values,
             std::size_t value_bytes = 1) const {
    std::ofstream out(path, std::ios::binary);
    auto stored = words;
    stored[23] = static_cast<std::int32_t>(extended.size());
    if (is_big_endian) {
      for (std::size_t i = 0; i < stored.size(); ++i) {
        stored[i] = i == 52 ? stored[i]
                            : static_cast<std::int32_t>(
                                  __builtin_bswap32(static_cast<std::uint32_t>(stored[i])));
      }
      stored[53] = 0x00001111;
    }
    out.write(reinterpret_cast<const char*>(stored.data()), sizeof stored);
    out << extended;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t at =
          is_big_endian ? i - i % value_bytes + value_bytes - 1 - i % value_bytes : i;
      out.put(static_cast<char>(values[at]));
    }
  }
};

std::int32_t mode_of_type(core::DType dtype) {
  switch (dtype) {
    case core::DType::i16:
      return 1;
    case core::DType::f32:
      return 2;
    case core::DType::u16:
      return 6;
    default:
      return 0;
  }
}

std::array<std::int32_t, 3> xyz_of(const core::Array& values) {
  const core::Vec3& n = values.shape();
  return {static_cast<std::int32_t>(n[2]), static_cast<std::int32_t>(n[1]),
          static_cast<std::int32_t>(n[0])};
}

void make_mrc(const std::string& path, const core::Array& values) {
  MrcForTest(xyz_of(values), mode_of_type(values.dtype())).write(path, values.bytes());
}

void make_big_endian_mrc(const std::string& path, const core::Array& values) {
  MrcForTest file(xyz_of(values), mode_of_type(values.dtype()));
  file.is_big_endian = true;
  file.extended = std::string(160, 'e');
  file.write(path, values.bytes(), core::size_of(values.dtype()));
}

/// Columns along z, rows along x, sections along y.
void make_permuted_mrc(const std::string& path, const core::Array& values) {
  const core::Vec3& n = values.shape();
  MrcForTest file({static_cast<std::int32_t>(n[0]), static_cast<std::int32_t>(n[2]),
                   static_cast<std::int32_t>(n[1])},
                  mode_of_type(values.dtype()));
  file.words[16] = 3;
  file.words[17] = 1;
  file.words[18] = 2;
  std::vector<std::byte> stored;
  const std::size_t size = core::size_of(values.dtype());
  for (std::int64_t y = 0; y < n[1]; ++y) {
    for (std::int64_t x = 0; x < n[2]; ++x) {
      for (std::int64_t z = 0; z < n[0]; ++z) {
        const auto at = static_cast<std::size_t>((z * n[1] + y) * n[2] + x) * size;
        const auto value = values.bytes().subspan(at, size);
        stored.insert(stored.end(), value.begin(), value.end());
      }
    }
  }
  file.write(path, stored);
}

std::unique_ptr<core::Volume> open_bytes_of_mode_0(const testing::TempFolder& folder,
                                                   const std::function<void(MrcForTest&)>& change) {
  MrcForTest file({3, 2, 1}, 0);
  change(file);
  file.write((folder / "a.mrc").string(), std::vector<std::byte>(6, std::byte{200}));
  return open((folder / "a.mrc").string());
}

std::string message_of_mrc(const std::string& path) {
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

std::string refusal_of_mrc(const std::function<void(MrcForTest&)>& change) {
  const testing::TempFolder folder;
  MrcForTest file({3, 2, 2}, 1);
  change(file);
  file.write((folder / "a.mrc").string(), std::vector<std::byte>(24));
  return message_of_mrc((folder / "a.mrc").string());
}

TEST(Mrc, BytesAreSignedUnlessTheFileSaysOtherwise) {
  const testing::TempFolder folder;
  constexpr std::int32_t kImod = 1146047817;
  using ::testing::Contains;
  using ::testing::HasSubstr;
  auto volume = open_bytes_of_mode_0(folder, [](MrcForTest&) {});
  EXPECT_EQ(volume->info().dtype, core::DType::i8);
  EXPECT_THAT(volume->info().notes, Contains(HasSubstr("signed bytes, as MRC2014")));
  volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) { file.words[38] = kImod; });
  EXPECT_EQ(volume->info().dtype, core::DType::u8);
  EXPECT_THAT(volume->info().notes, Contains(HasSubstr("unsigned bytes: an IMOD file")));
  volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) {
    file.words[38] = kImod;
    file.words[39] = 1;
  });
  EXPECT_EQ(volume->info().dtype, core::DType::i8);
  volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) { file.set_real(20, 255); });
  EXPECT_EQ(volume->info().dtype, core::DType::u8);
  EXPECT_THAT(volume->info().notes, Contains(HasSubstr("a maximum of 255")));
}

TEST(Mrc, TakesTheVoxelSizeFromTheCellAndTheOffsetFromOriginOrStart) {
  const testing::TempFolder folder;
  auto volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) {
    file.set_real(10, 3 * 46.0F);
    file.set_real(12, 500.0F);
    file.words[4] = -2;  // nxstart
  });
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{50, 4, 4.6}));
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{0, 0, -9.2}));
  volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) { file.set_real(49, 123.0F); });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{0, 0, 12.3}));
}

TEST(Mrc, AnOriginThatIsNoneIsNoted) {
  const testing::TempFolder folder;
  const auto volume = open_bytes_of_mode_0(
      folder, [](MrcForTest& file) { file.set_real(49, std::numeric_limits<float>::infinity()); });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(volume->info().notes,
              ::testing::Contains(::testing::HasSubstr("the origin (inf, 0, 0; x, y, z)")));
}

TEST(Mrc, ACellThatIsNoneIsNoted) {
  const testing::TempFolder folder;
  for (const float side : {0.0F, -12.0F}) {
    const auto volume =
        open_bytes_of_mode_0(folder, [&](MrcForTest& file) { file.set_real(10, side); });
    EXPECT_FALSE(volume->info().voxel_nm.has_value());
    EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("'cell'")));
  }
  const auto volume = open_bytes_of_mode_0(folder, [](MrcForTest& file) { file.words[8] = 0; });
  EXPECT_FALSE(volume->info().voxel_nm.has_value());
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("3, 0, 1 samples")));
}

TEST(Mrc, FindsTheByteOrderWithoutAStamp) {
  const testing::TempFolder folder;
  MrcForTest file({3, 2, 1}, 1);
  file.words[53] = 0;
  file.write((folder / "a.st").string(), std::vector<std::byte>(12));
  const auto volume = open((folder / "a.st").string());
  EXPECT_EQ(volume->info().shape, (core::Vec3{1, 2, 3}));
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("stamp is missing")));
}

TEST(Mrc, RefusesByNameWhatItDoesNotRead) {
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[3] = 4; }), HasSubstr("complex"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[3] = 12; }), HasSubstr("16-bit floats"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[3] = 101; }), HasSubstr("4-bit"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) {
                f.words[22] = 401;
                f.words[9] = 1;
              }),
              HasSubstr("a stack of 2 volumes"));
}

TEST(Mrc, RefusesHeadersThatLie) {
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[3] = 77; }), HasSubstr("mode 77"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[0] = -3; }), HasSubstr("sizes -3"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[16] = 3; }), HasSubstr("axes 3, 2, 3"));
  EXPECT_THAT(refusal_of_mrc([](MrcForTest& f) { f.words[2] = 2'000'000'000; }),
              HasSubstr("1048 bytes"));
  EXPECT_THAT(
      refusal_of_mrc([](MrcForTest& f) { f.words[0] = f.words[1] = f.words[2] = 2'147'483'647; }),
      HasSubstr("a.mrc"));
  const testing::TempFolder folder;
  std::ofstream(folder / "a.mrc") << "short";
  EXPECT_THAT(message_of_mrc((folder / "a.mrc").string()), HasSubstr("an MRC header of 1024"));
}

TEST(Mrc, LeavesOtherFilesOfItsExtensionsAlone) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a.map") << std::string(2000, 'x');
  EXPECT_THAT(message_of_mrc((folder / "a.map").string()), ::testing::HasSubstr("no known format"));
}

std::vector<FormatCase> mrc_cases() {
  std::vector<FormatCase> cases;
  for (const core::DType dtype :
       {core::DType::i8, core::DType::i16, core::DType::u16, core::DType::f32}) {
    const std::string name(core::name_of(dtype));
    cases.push_back({.name = "Mrc_" + name, .extension = ".mrc", .dtype = dtype, .make = make_mrc});
    cases.push_back({.name = "MrcBigEndian_" + name,
                     .extension = ".rec",
                     .dtype = dtype,
                     .make = make_big_endian_mrc});
    cases.push_back({.name = "MrcPermuted_" + name,
                     .extension = ".map",
                     .dtype = dtype,
                     .make = make_permuted_mrc});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Mrc, StoreReading, ::testing::ValuesIn(mrc_cases()), name_of_case);

INSTANTIATE_TEST_SUITE_P(Mrc, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"mrc", "check_mrc.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
