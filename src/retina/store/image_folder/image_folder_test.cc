#include "retina/store/image_folder/image_folder.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

void write_slice(const std::filesystem::path& path, std::uint8_t value,
                 core::Vec3 shape = {1, 6, 7}, core::DType dtype = core::DType::u8) {
  CreateOptions options;
  options.shape = shape;
  options.dtype = dtype;
  core::Array image(dtype, 1, shape);
  image.bytes()[0] = std::byte{value};
  const auto output = create(path.string(), options);
  output->write(core::whole(shape), image);
  output->finish();
}

std::string message_of_folder(const std::filesystem::path& path) {
  try {
    open(path.string());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(ImageFolder, SlicesLieInNaturalOrder) {
  const testing::TempFolder folder;
  for (const int i : {1, 2, 10}) {
    write_slice(folder / ("img" + std::to_string(i) + ".png"), static_cast<std::uint8_t>(i));
  }
  const auto volume = open(folder.path().string());
  ASSERT_EQ(volume->shape(), (core::Vec3{3, 6, 7}));
  const core::Array values = volume->read({{0, 0, 0}, {3, 1, 1}});
  EXPECT_THAT(values.values<std::uint8_t>(), ::testing::ElementsAre(1, 2, 10));
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("3 to 9")));
}

TEST(ImageFolder, FormatsMayBeMixed) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  write_slice(folder / "2.tif", 2);
  const core::Array values = open(folder.path().string())->read({{0, 0, 0}, {2, 1, 1}});
  EXPECT_THAT(values.values<std::uint8_t>(), ::testing::ElementsAre(1, 2));
}

TEST(ImageFolder, TellsOfSlicesThatShallBeTurned) {
  const testing::TempFolder folder;
  for (const char* name : {"1.tif", "2.tif", "3.tif"}) {
    write_slice(folder / name, 1);
  }
  EXPECT_TRUE(open(folder.path().string())->info().notes.empty());
  for (const char* name : {"2.tif", "3.tif"}) {
    TIFF* file = TIFFOpen((folder / name).c_str(), "r+");
    TIFFSetField(file, TIFFTAG_ORIENTATION, ORIENTATION_BOTLEFT);
    TIFFRewriteDirectory(file);
    TIFFClose(file);
  }
  EXPECT_THAT(open(folder.path().string())->info().notes,
              ::testing::ElementsAre(::testing::AllOf(::testing::HasSubstr("2.tif"),
                                                      ::testing::HasSubstr("4 (bottom-left)"),
                                                      ::testing::HasSubstr("2 such slices"))));
}

TEST(ImageFolder, NamesTheSliceOfAnotherSize) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  write_slice(folder / "2.png", 2, {1, 6, 8});
  EXPECT_THAT(message_of_folder(folder.path()),
              ::testing::AllOf(::testing::HasSubstr("2.png"), ::testing::HasSubstr("6 x 8"),
                               ::testing::HasSubstr("6 x 7"), ::testing::HasSubstr("1.png")));
}

TEST(ImageFolder, NamesTheSliceOfAnotherType) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  write_slice(folder / "2.png", 2, {1, 6, 7}, core::DType::u16);
  EXPECT_THAT(message_of_folder(folder.path()), ::testing::HasSubstr("uint16"));
}

TEST(ImageFolder, OtherFilesAreCounted) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  std::ofstream(folder / "notes.txt") << "x";
  EXPECT_THAT(open(folder.path().string())->info().notes,
              ::testing::Contains(::testing::HasSubstr("1 file(s)")));
}

TEST(ImageFolder, AnImageThatIsNoSliceIsNamedNotLeftOut) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  std::ofstream(folder / "2.png") << "x";
  EXPECT_THAT(message_of_folder(folder.path()), ::testing::HasSubstr("2.png"));
}

TEST(ImageFolder, DamageIsFoundWhenTheSliceIsRead) {
  const testing::TempFolder folder;
  write_slice(folder / "1.png", 1);
  write_slice(folder / "2.png", 2);
  std::filesystem::resize_file(folder / "2.png", 50);
  const auto volume = open(folder.path().string());
  volume->read({{0, 0, 0}, {1, 6, 7}});
  try {
    volume->read({{1, 0, 0}, {1, 6, 7}});
    FAIL() << "2.png is cut short";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("2.png"));
  }
}

}  // namespace
}  // namespace retina::store
