#include "retina/store/tiff/tiff_writer.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

CreateOptions stack_options() {
  CreateOptions options;
  options.shape = {4, 6, 7};
  return options;
}

TEST(TiffWriter, TakesSlabsInOrderOnly) {
  const testing::TempFolder folder;
  const auto output = create((folder / "a.tif").string(), stack_options());
  const core::Array slab(core::DType::u8, 1, {2, 6, 7});
  EXPECT_THROW(output->write({{2, 0, 0}, {2, 6, 7}}, slab), Error);
  output->write({{0, 0, 0}, {2, 6, 7}}, slab);
  EXPECT_THROW(output->write({{0, 0, 0}, {2, 6, 7}}, slab), Error);
  EXPECT_THROW(output->write({{2, 0, 0}, {2, 6, 6}}, {core::DType::u8, 1, {2, 6, 6}}), Error);
  output->write({{2, 0, 0}, {2, 6, 7}}, slab);
  output->finish();
  EXPECT_EQ(open((folder / "a.tif").string())->shape(), (core::Vec3{4, 6, 7}));
}

TEST(TiffWriter, RefusesToFinishWithPagesMissing) {
  const testing::TempFolder folder;
  const auto output = create((folder / "a.tif").string(), stack_options());
  output->write({{0, 0, 0}, {1, 6, 7}}, {core::DType::u8, 1, {1, 6, 7}});
  try {
    output->finish();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("1 of 4 pages"));
  }
}

TEST(TiffWriter, LeavesNothingBehindWhenAbandoned) {
  const testing::TempFolder folder;
  create((folder / "a.tif").string(), stack_options()).reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(TiffWriter, CompressesAsAsked) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {2, 500, 700};
  options.dtype = core::DType::u32;
  const core::Array labels = random_array(options.dtype, 1, options.shape, 3);
  std::vector<std::uintmax_t> sizes;
  for (const Compression compression :
       {Compression::none, Compression::deflate, Compression::zstd}) {
    options.compression = compression;
    const std::string path = (folder / std::to_string(sizes.size())).string() + ".tif";
    const auto output = create(path, options);
    output->write(core::whole(options.shape), labels);
    output->finish();
    EXPECT_TRUE(open(path)->read(core::whole(options.shape)) == labels);
    sizes.push_back(std::filesystem::file_size(path));
  }
  EXPECT_GT(sizes[0], labels.bytes().size());
  EXPECT_LT(sizes[1], sizes[0] / 2);
  EXPECT_LT(sizes[2], sizes[0] / 2);
  EXPECT_NE(sizes[1], sizes[2]);
}

TEST(TiffWriter, ANameOfOmeTiffGetsItsDescription) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {3, 6, 7};
  options.channels = 2;
  options.dtype = core::DType::f32;
  options.voxel_nm = core::Vec3d{50, 4.6, 4.55};
  options.offset_nm = {100, 9.2, 0.25};
  const std::string path = (folder / "a.OME.tif").string();
  const core::Array values = random_array(options.dtype, options.channels, options.shape, 3);
  const auto output = create(path, options);
  output->write(core::whole(options.shape), values);
  output->finish();
  const auto volume = open(path);
  EXPECT_EQ(volume->info().axes, "zcyx");
  EXPECT_EQ(volume->info().voxel_nm, options.voxel_nm);
  EXPECT_EQ(volume->info().voxel_nm_source, "OME description");
  EXPECT_EQ(volume->info().offset_nm, options.offset_nm);
  EXPECT_TRUE(volume->read(core::whole(options.shape)) == values);
  options.dtype = core::DType::u64;  // no type of OME
  EXPECT_THROW(create((folder / "b.ome.tiff").string(), options), Error);
}

TEST(TiffWriter, FormatsWithoutAChoiceOfCompressionRefuseIt) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 6, 7};
  options.compression = Compression::none;
  EXPECT_THROW(create((folder / "a.png").string(), options), Error);
}

TEST(TiffWriter, TakesPlanesInOrder) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 6, 7};
  EXPECT_EQ(create((folder / "a.tif").string(), options)->write_order(), WriteOrder::planes);
}

std::vector<FormatCase> tiff_cases() {
  std::vector<FormatCase> cases;
  using core::DType;
  for (const DType dtype : {DType::u8, DType::u16, DType::u32, DType::u64, DType::i8, DType::i16,
                            DType::i32, DType::i64, DType::f32, DType::f64}) {
    cases.push_back(
        {.name = std::string(core::name_of(dtype)), .extension = ".tif", .dtype = dtype});
  }
  cases.push_back({.name = "Channels", .extension = ".tiff", .channels = 4});
  cases.push_back({.name = "Ome", .extension = ".ome.tif", .dtype = DType::i16});
  cases.push_back({.name = "OmeChannels", .extension = ".ome.tiff", .channels = 3});
  cases.push_back({.name = "ManyStrips",
                   .extension = ".tif",
                   .dtype = core::DType::u16,
                   .shape = {2, 700, 300}});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Tiff, StoreReading, ::testing::ValuesIn(tiff_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Tiff, StoreWriting, ::testing::ValuesIn(tiff_cases()), name_of_case);

}  // namespace
}  // namespace retina::store
