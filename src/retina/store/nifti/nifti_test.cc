#include "retina/store/nifti/nifti.h"

#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "retina/store/behaviour.h"
#include "retina/store/conformance.h"
#include "retina/store/nifti/nifti_metadata.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

/// The places of a NIfTI-1 header that the tests set.
struct NiftiForTest {
  std::array<char, 352> bytes{};

  NiftiForTest(std::vector<std::int16_t> xyz, std::int16_t type, std::int16_t bits) {
    set<std::int32_t>(0, 348);
    set<std::int16_t>(40, static_cast<std::int16_t>(xyz.size()));
    for (std::size_t i = 0; i < 7; ++i) {
      set<std::int16_t>(42 + 2 * i, i < xyz.size() ? xyz[i] : std::int16_t{1});
      set<float>(80 + 4 * i, 0.004F);
    }
    set<std::int16_t>(70, type);
    set<std::int16_t>(72, bits);
    set<float>(76, 1);
    set<float>(108, 352);
    bytes[123] = 3;  // micrometres
    std::memcpy(&bytes[344], "n+1", 4);
  }

  template <class T>
  void set(std::size_t at, T value) {
    std::memcpy(&bytes[at], &value, sizeof value);
  }

  std::string with(std::span<const std::byte> values) const {
    return std::string(bytes.data(), bytes.size()) +
           std::string(reinterpret_cast<const char*>(values.data()), values.size());
  }
};

std::int16_t code_of_type(core::DType dtype) {
  switch (dtype) {
    case core::DType::u8:
      return 2;
    case core::DType::u16:
      return 512;
    case core::DType::u32:
      return 768;
    case core::DType::f32:
      return 16;
    default:
      return 1024;  // int64
  }
}

NiftiForTest header_for(const core::Array& values) {
  const core::Vec3& n = values.shape();
  return {{static_cast<std::int16_t>(n[2]), static_cast<std::int16_t>(n[1]),
           static_cast<std::int16_t>(n[0])},
          code_of_type(values.dtype()),
          static_cast<std::int16_t>(8 * core::size_of(values.dtype()))};
}

void write_plain(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

void write_compressed(const std::string& path, const std::string& content) {
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
}

void make_nifti(const std::string& path, const core::Array& values) {
  write_plain(path, header_for(values).with(values.bytes()));
}

void make_compressed_nifti(const std::string& path, const core::Array& values) {
  write_compressed(path, header_for(values).with(values.bytes()));
}

void make_nifti_pair(const std::string& path, const core::Array& values) {
  NiftiForTest header = header_for(values);
  std::memcpy(&header.bytes[344], "ni1", 4);
  header.set<float>(108, 0);
  write_plain(path, header.with({}).substr(0, 348));
  const auto bytes = values.bytes();
  write_plain(std::filesystem::path(path).replace_extension(".img"),
              {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// A header of 3 x 2 x 2 uint16 voxels, changed, with or without its values.
std::unique_ptr<core::Volume> open_changed(const testing::TempFolder& folder,
                                           const std::function<void(NiftiForTest&)>& change,
                                           const OpenOptions& options = {}) {
  NiftiForTest header({3, 2, 2}, 512, 16);
  change(header);
  write_plain((folder / "a.nii").string(), header.with(std::vector<std::byte>(24, std::byte{1})));
  return open((folder / "a.nii").string(), options);
}

std::string refusal_of_nifti(const std::function<void(NiftiForTest&)>& change) {
  const testing::TempFolder folder;
  try {
    open_changed(folder, change);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a.nii"));
    return error.what();
  }
  return "opened";
}

TEST(Nifti, TakesVoxelSizesOnlyWithAUnit) {
  const testing::TempFolder folder;
  auto volume = open_changed(folder, [](NiftiForTest& h) { h.set<float>(88, 0.05F); });
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{50, 4, 4}));
  EXPECT_EQ(volume->info().format, "nifti-1");
  volume = open_changed(folder, [](NiftiForTest& h) { h.bytes[123] = 2; });
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{4000, 4000, 4000}));
  volume = open_changed(folder, [](NiftiForTest& h) { h.bytes[123] = 0; });
  EXPECT_FALSE(volume->info().voxel_nm.has_value());
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("without a unit")));
}

TEST(Nifti, SpacingsThatAreNoneAreNotedAndNotMadeUp) {
  const testing::TempFolder folder;
  for (const float side :
       {0.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const auto volume = open_changed(folder, [&](NiftiForTest& h) { h.set<float>(84, side); });
    EXPECT_FALSE(volume->info().voxel_nm.has_value()) << side;
    EXPECT_THAT(volume->info().notes,
                ::testing::Contains(::testing::AllOf(::testing::HasSubstr("'pixdim'"),
                                                     ::testing::HasSubstr("--voxel-size-nm"))))
        << side;
  }
  const auto volume = open_changed(folder, [](NiftiForTest& h) { h.set<float>(80, -0.004F); });
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{4, 4, 4}));
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("minus signs")));
}

TEST(Nifti, TheOffsetNeedsAxesThatAreKept) {
  const testing::TempFolder folder;
  const auto place = [](NiftiForTest& h, float x, float y, float z) {
    h.set<std::int16_t>(254, 1);  // sform
    for (std::size_t row = 0; row < 3; ++row) {
      h.set<float>(280 + 20 * row, (row == 0 ? x : row == 1 ? y : z) * 0.004F);
      h.set<float>(292 + 16 * row, static_cast<float>(row + 1));
    }
  };
  auto volume = open_changed(folder, [&](NiftiForTest& h) { place(h, 1, 1, 1); });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{3000, 2000, 1000}));
  volume = open_changed(folder, [&](NiftiForTest& h) { place(h, -1, -1, 1); });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{3000, -2000, -1000}));
  volume = open_changed(folder, [&](NiftiForTest& h) { place(h, -1, 1, 1); });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("orientation")));
  volume = open_changed(folder, [&](NiftiForTest& h) {
    place(h, 1, 1, 1);
    h.set<float>(292 + 16, std::numeric_limits<float>::infinity());
  });
  EXPECT_EQ(volume->info().offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("inf along y")));
}

TEST(Nifti, ScaledValuesBecomeFloat32) {
  const testing::TempFolder folder;
  auto volume = open_changed(folder, [](NiftiForTest& h) {
    h.set<float>(112, 2);
    h.set<float>(116, -1);
  });
  EXPECT_EQ(volume->info().dtype, core::DType::f32);
  EXPECT_EQ(volume->read({{0, 0, 0}, {1, 1, 1}}).at<float>(0, 0, 0, 0), 2 * 0x0101 - 1);
  volume = open_changed(folder, [](NiftiForTest& h) { h.set<float>(112, 1); });
  EXPECT_EQ(volume->info().dtype, core::DType::u16);
}

TEST(Nifti, ReadsAFourthDimensionOnlyWhenToldWhatItIs) {
  const auto four = [](NiftiForTest& h) {
    h.set<std::int16_t>(40, 4);
    h.set<std::int16_t>(46, 1);
    h.set<std::int16_t>(48, 2);
  };
  EXPECT_THAT(refusal_of_nifti(four), ::testing::HasSubstr("czyx"));
  const testing::TempFolder folder;
  OpenOptions options;
  options.axes = "czyx";
  const auto volume = open_changed(folder, four, options);
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_EQ(volume->shape(), (core::Vec3{1, 2, 3}));
  EXPECT_EQ(volume->read({{0, 1, 1}, {1, 1, 2}}).channels(), 2);
}

TEST(Nifti, RefusesWhatItDoesNotReadAndHeadersThatLie) {
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal_of_nifti([](NiftiForTest& h) { h.set<std::int16_t>(70, 32); }),
              HasSubstr("complex"));
  EXPECT_THAT(refusal_of_nifti([](NiftiForTest& h) { h.set<std::int16_t>(70, 128); }),
              HasSubstr("RGB"));
  EXPECT_THAT(refusal_of_nifti([](NiftiForTest& h) { h.set<std::int16_t>(42, -3); }),
              HasSubstr("-3 voxels along dimension 1"));
  EXPECT_THAT(refusal_of_nifti([](NiftiForTest& h) { h.set<std::int16_t>(46, 30000); }),
              HasSubstr("376 bytes"));
  for (const float offset : {-1.0F, 1e30F, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(refusal_of_nifti([&](NiftiForTest& h) { h.set<float>(108, offset); }),
                HasSubstr("from byte"));
  }
  EXPECT_THAT(refusal_of_nifti([](NiftiForTest& h) { h.set<std::int16_t>(40, 9); }),
              HasSubstr("no NIfTI header"));
}

TEST(Nifti, CompressedFilesMustHoldWhatTheyClaim) {
  const testing::TempFolder folder;
  const std::string path = (folder / "a.nii.gz").string();
  NiftiForTest header({3, 2, 2}, 512, 16);
  header.set<std::int16_t>(42, 32000);
  header.set<std::int16_t>(44, 32000);
  write_compressed(path, header.with(std::vector<std::byte>(24)));
  EXPECT_THROW(open(path), Error);
  make_compressed_nifti(path, core::Array(core::DType::u16, 1, {20, 300, 300}));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 20);
  const auto volume = open(path);
  EXPECT_THROW(volume->read({{19, 0, 0}, {1, 300, 300}}), Error);
}

TEST(Nifti, APairNeedsBothFiles) {
  const testing::TempFolder folder;
  make_nifti_pair((folder / "a.hdr").string(), core::Array(core::DType::u16, 1, {2, 2, 3}));
  EXPECT_EQ(open((folder / "a.img").string())->shape(), (core::Vec3{2, 2, 3}));
  std::filesystem::remove(folder / "a.img");
  EXPECT_THROW(open((folder / "a.hdr").string()), Error);
}

std::vector<FormatCase> nifti_cases() {
  std::vector<FormatCase> cases;
  for (const core::DType dtype :
       {core::DType::u8, core::DType::u16, core::DType::u32, core::DType::i64, core::DType::f32}) {
    const std::string name(core::name_of(dtype));
    cases.push_back(
        {.name = "Nifti_" + name, .extension = ".nii", .dtype = dtype, .make = make_nifti});
    cases.push_back({.name = "NiftiGz_" + name,
                     .extension = ".nii.gz",
                     .dtype = dtype,
                     .make = make_compressed_nifti});
    cases.push_back({.name = "NiftiPair_" + name,
                     .extension = ".hdr",
                     .dtype = dtype,
                     .make = make_nifti_pair});
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Nifti, StoreReading, ::testing::ValuesIn(nifti_cases()), name_of_case);

INSTANTIATE_TEST_SUITE_P(Nifti, ConformanceOfReadersE2e,
                         ::testing::Values(PythonWriter{"nifti", "check_nifti.py"}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace retina::store
