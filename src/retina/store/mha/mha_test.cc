#include "retina/store/mha/mha.h"

#include <bit>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/mha/mha_metadata.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using ::testing::HasSubstr;

constexpr const char* kThreeAxes =
    "ObjectType = Image\nNDims = 3\nDimSize = 33 40 9\nElementType = MET_UCHAR\n";
constexpr const char* kLocal = "ElementDataFile = LOCAL\n";

MhaSpace space_of_mha(const std::string& more, const std::string& axes = "") {
  return understand_mha(parse_mha_header(kThreeAxes + more + kLocal), axes);
}

std::string message_of_mha(const std::string& text) {
  try {
    understand_mha(parse_mha_header(text), "");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "understood";
}

TEST(MhaMetadata, TakesSpaceOnlyWithAUnit) {
  const std::string space = "ElementSpacing = 4.6 4.7 50\nOffset = 1 2 3\n";
  const MhaSpace stated = space_of_mha(space + "DistanceUnits = um\n");
  EXPECT_EQ(stated.voxel_nm, (core::Vec3d{50000, 4700, 4600}));
  EXPECT_EQ(stated.offset_nm, (core::Vec3d{3000, 2000, 1000}));
  for (const char* unit : {"", "DistanceUnits = ?\n"}) {
    const MhaSpace silent = space_of_mha(space + unit);
    EXPECT_FALSE(silent.voxel_nm);
    EXPECT_EQ(silent.offset_nm, (core::Vec3d{0, 0, 0}));
    EXPECT_THAT(silent.notes, ::testing::Contains(HasSubstr("--voxel-size-nm")));
  }
}

TEST(MhaMetadata, SpacingsThatCannotBeUsedAreNoted) {
  for (const char* spacing : {"0 4 50", "4 -4 50", "4 4 nan"}) {
    const MhaSpace space =
        space_of_mha(fmt::format("ElementSpacing = {}\nDistanceUnits = nm\n", spacing));
    EXPECT_FALSE(space.voxel_nm) << spacing;
    EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("not positive"))) << spacing;
  }
  EXPECT_THAT(space_of_mha("ElementSpacing = 1 1 1\nDistanceUnits = pixel\n").notes,
              ::testing::Contains(HasSubstr("1 pixel")));
}

TEST(MhaMetadata, AnOffsetThatCannotBeUsedIsNoted) {
  const MhaSpace space = space_of_mha("DistanceUnits = nm\nOffset = 1 nan 3\n");
  EXPECT_EQ(space.offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("along y, not finite")));
}

TEST(MhaMetadata, TurnedAxesLoseTheirOrigin) {
  const MhaSpace space = space_of_mha(
      "ElementSpacing = 1 1 1\nDistanceUnits = um\nOffset = 1 2 3\n"
      "TransformMatrix = 0 1 0 1 0 0 0 0 1\n");
  EXPECT_EQ(space.offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("turned or mirrored")));
}

TEST(MhaMetadata, NamesTheAxes) {
  EXPECT_EQ(space_of_mha("").axes, "zyx");
  EXPECT_EQ(space_of_mha("", "cyx").axes, "cyx");
  EXPECT_EQ(space_of_mha("ElementNumberOfChannels = 3\n").axes, "zyxc");
  EXPECT_THROW(space_of_mha("ElementNumberOfChannels = 3\n", "czyx"), Error);
  EXPECT_THAT(message_of_mha("NDims = 4\nDimSize = 3 33 40 9\nElementType = MET_UCHAR\n" +
                             std::string(kLocal)),
              HasSubstr("--axes"));
}

TEST(MhaMetadata, SaysWhatIsNotRead) {
  const std::string head = kThreeAxes;
  EXPECT_THAT(message_of_mha(head + "BinaryData = False\n" + kLocal), HasSubstr("as text"));
  EXPECT_THAT(message_of_mha(head + "ElementDataFile = LIST\n"), HasSubstr("several files"));
  EXPECT_THAT(message_of_mha(head + "ElementDataFile = a%03d.raw 1 9 1\n"),
              HasSubstr("several files"));
  EXPECT_THAT(message_of_mha("ObjectType = Mesh\n"), HasSubstr("Mesh"));
  EXPECT_THAT(message_of_mha(head + "ElementType = MET_STRING\n" + kLocal),
              HasSubstr("MET_STRING"));
}

TEST(MhaMetadata, RefusesDamagedHeaders) {
  const std::string tail = "ElementType = MET_UCHAR\n" + std::string(kLocal);
  EXPECT_THAT(message_of_mha(tail), HasSubstr("NDims"));
  EXPECT_THAT(message_of_mha("NDims = 2\n" + tail), HasSubstr("DimSize"));
  EXPECT_THAT(message_of_mha("NDims = 2\nDimSize = 3\n" + tail), HasSubstr("1 values of DimSize"));
  for (const char* side : {"0", "-1", "1.5", "1e300", "nan", "x"}) {
    EXPECT_THAT(message_of_mha(fmt::format("NDims = 2\nDimSize = 3 {}\n", side) + tail),
                HasSubstr("DimSize"));
  }
  EXPECT_THAT(message_of_mha("NDims = 99\n" + tail), HasSubstr("'99'"));
  EXPECT_THAT(message_of_mha(kThreeAxes), HasSubstr("ElementDataFile"));
}

std::string message_of_opening_mha(const testing::TempFolder& folder, const std::string& text) {
  const std::string path = (folder / "a.mha").string();
  std::ofstream(path, std::ios::binary) << text;
  try {
    open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(Mha, RefusesFilesThatAreTooShort) {
  const testing::TempFolder folder;
  EXPECT_THAT(message_of_opening_mha(folder, kThreeAxes + std::string(kLocal) + "abc"),
              HasSubstr("3 bytes"));
  EXPECT_THAT(message_of_opening_mha(
                  folder, kThreeAxes + std::string("CompressedData = True\n") + kLocal + "abc"),
              HasSubstr("a.mha"));
  EXPECT_THAT(message_of_opening_mha(folder,
                                     "NDims = 3\nDimSize = 1000000 1000000 100000\n"
                                     "ElementType = MET_DOUBLE\nElementDataFile = LOCAL\nabc"),
              HasSubstr("3 bytes"));
  EXPECT_THAT(message_of_opening_mha(folder, "no header at all"), HasSubstr("ElementDataFile"));
  EXPECT_THAT(message_of_opening_mha(folder, kThreeAxes + std::string("ElementDataFile = b.raw\n")),
              HasSubstr("b.raw"));
}

/// A MetaImage file with its voxels inside, or beside it if the path ends with "d".
void make_mha(const std::string& path, const core::Array& values) {
  const core::Vec3& n = values.shape();
  const bool is_detached = path.ends_with('d');
  std::ofstream out(path, std::ios::binary);
  out << fmt::format("ObjectType = Image\nNDims = 3\nBinaryDataByteOrderMSB = {}\n",
                     std::endian::native == std::endian::big ? "True" : "False");
  out << fmt::format("DimSize = {} {} {}\nElementType = {}\n", n[2], n[1], n[0],
                     values.dtype() == core::DType::u8 ? "MET_UCHAR" : "MET_FLOAT");
  out << (is_detached ? "ElementDataFile = voxels.bin\n" : "ElementDataFile = LOCAL\n");
  std::ofstream data;
  if (is_detached) {
    data.open(std::filesystem::path(path).parent_path() / "voxels.bin", std::ios::binary);
  }
  (is_detached ? data : out)
      .write(reinterpret_cast<const char*>(values.bytes().data()),
             static_cast<std::streamsize>(values.bytes().size()));
}

std::vector<FormatCase> mha_cases() {
  return {{.name = "Local", .extension = ".mha", .make = make_mha},
          {.name = "Detached", .extension = ".mhd", .dtype = core::DType::f32, .make = make_mha}};
}

INSTANTIATE_TEST_SUITE_P(Mha, StoreReading, ::testing::ValuesIn(mha_cases()), name_of_case);

}  // namespace
}  // namespace retina::store
