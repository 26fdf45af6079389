#include "retina/store/tiff/ome_xml.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

constexpr const char* kTwoImages =
    "<?xml version=\"1.0\"?><!-- a note --><OME xmlns=\"http://x\" UUID=\"urn:uuid:1\">"
    "<Image ID=\"Image:0\" Name=\"stack\"><Pixels DimensionOrder=\"XYCZT\" Type=\"uint16\" "
    "SizeX=\"5\" SizeY=\"4\" SizeZ=\"3\" SizeC=\"2\" SizeT=\"1\" PhysicalSizeX=\"4.6\" "
    "PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"0.0046\" PhysicalSizeZ=\"1\" "
    "PhysicalSizeZUnit=\"pixel\"><Channel ID=\"c\"/>"
    "<TiffData FirstC=\"1\" IFD=\"2\" PlaneCount=\"3\"><UUID FileName=\"b.tif\"> urn:uuid:2 "
    "</UUID></TiffData><TiffData IFD=\"7\"/><TiffData/></Pixels></Image>"
    "<Image ID=\"Image:1\"/></OME>";

TEST(OmeXml, ReadsPixels) {
  ASSERT_TRUE(is_ome_xml(kTwoImages));
  const OmeDocument document = parse_ome_xml(kTwoImages);
  EXPECT_EQ(document.uuid, "urn:uuid:1");
  ASSERT_EQ(document.images.size(), 2U);
  const OmeImage& image = document.images[0];
  EXPECT_EQ(image.name, "stack");
  EXPECT_EQ(image.order, "XYCZT");
  EXPECT_EQ(image.type, "uint16");
  EXPECT_EQ(image.width, 5);
  EXPECT_EQ(image.slices, 3);
  EXPECT_EQ(image.channels, 2);
  EXPECT_EQ(image.voxel_nm[0], std::nullopt);  // a pixel is no length
  EXPECT_EQ(image.voxel_nm[1], 4.6);           // micrometres unless stated
  EXPECT_EQ(image.voxel_nm[2], 4.6);
}

TEST(OmeXml, PhysicalSizesThatCannotBeUsedAreNoted) {
  const auto notes_of = [](const std::string& sizes) {
    return parse_ome_xml("<OME><Image><Pixels " + sizes + "/></Image></OME>").images.at(0).notes;
  };
  const std::string nm = R"( PhysicalSizeXUnit="nm" PhysicalSizeYUnit="nm" )";
  using ::testing::AllOf;
  using ::testing::ElementsAre;
  using ::testing::HasSubstr;
  for (const char* unit : {"pixel", "reference frame", "furlong"}) {
    const std::string sizes = R"(PhysicalSizeX="4.5" PhysicalSizeY="4.5" PhysicalSizeXUnit=")";
    EXPECT_THAT(notes_of(sizes + unit + "\""),
                ElementsAre(AllOf(HasSubstr("'PhysicalSizeX'"),
                                  HasSubstr(std::string("no length: 4.5 ") + unit),
                                  HasSubstr("--voxel-size-nm"))));
  }
  for (const char* side : {"0", "-4", "nan", "many", ""}) {
    EXPECT_THAT(notes_of(nm + R"(PhysicalSizeX="4" PhysicalSizeY=")" + side + "\""),
                ElementsAre(HasSubstr("'PhysicalSizeY'")))
        << side;
  }
  EXPECT_THAT(notes_of(R"(PhysicalSizeX="0" PhysicalSizeY="0" PhysicalSizeZ="0")"),
              ElementsAre(HasSubstr("'PhysicalSizeZ/Y/X'")));
  EXPECT_THAT(notes_of(nm + R"(PhysicalSizeX="4")"), ElementsAre(HasSubstr("X and Y are needed")));
  EXPECT_THAT(notes_of(nm + R"(PhysicalSizeX="4" PhysicalSizeY="4")"), ::testing::IsEmpty());
  EXPECT_THAT(notes_of(nm), ::testing::IsEmpty());
}

TEST(OmeXml, ConvertsTheUnitsOfOme) {
  const OmeImage image =
      parse_ome_xml(
          "<OME><Image><Pixels PhysicalSizeX=\"2\" PhysicalSizeXUnit=\"thou\" PhysicalSizeY=\"2\" "
          "PhysicalSizeYUnit=\"in\" PhysicalSizeZ=\"2\" PhysicalSizeZUnit=\"pm\"/></Image></OME>")
          .images.at(0);
  EXPECT_EQ(image.voxel_nm[0], 2e-3);
  EXPECT_EQ(image.voxel_nm[1], 5.08e7);
  EXPECT_EQ(image.voxel_nm[2], 5.08e4);
}

TEST(OmeXml, ReadsWhatItWrites) {
  OmeImage image;
  image.description = "offset_nm=1,2,3";
  image.order = "XYCZT";
  image.type = "float";
  image.width = 5;
  image.height = 4;
  image.slices = 3;
  image.channels = 2;
  image.voxel_nm = {std::nullopt, 4.6, 0.25};
  const std::string text = to_ome_xml(image);
  ASSERT_TRUE(is_ome_xml(text));
  const OmeImage read = parse_ome_xml(text).images.at(0);
  EXPECT_EQ(read.description, image.description);
  EXPECT_EQ(read.order, image.order);
  EXPECT_EQ(read.type, image.type);
  EXPECT_EQ(read.width, 5);
  EXPECT_EQ(read.height, 4);
  EXPECT_EQ(read.slices, 3);
  EXPECT_EQ(read.channels, 2);
  EXPECT_EQ(read.times, 1);
  EXPECT_EQ(read.voxel_nm, image.voxel_nm);
  ASSERT_EQ(read.data.size(), 1U);
  EXPECT_EQ(read.data[0].page, 0);
  EXPECT_EQ(read.data[0].planes, 6);
}

TEST(OmeXml, ReadsWherePlanesLie) {
  const OmeImage image = parse_ome_xml(kTwoImages).images[0];
  ASSERT_EQ(image.data.size(), 3U);
  EXPECT_EQ(image.data[0].page, 2);
  EXPECT_EQ(image.data[0].first_c, 1);
  EXPECT_EQ(image.data[0].planes, 3);
  EXPECT_EQ(image.data[0].file_name, "b.tif");
  EXPECT_EQ(image.data[0].uuid, "urn:uuid:2");
  EXPECT_EQ(image.data[1].planes, 1);   // a page without a count is one plane
  EXPECT_EQ(image.data[2].planes, -1);  // nothing stated is all planes
}

TEST(OmeXml, KnowsFilesThatAreDescribedElsewhere) {
  const OmeDocument document = parse_ome_xml(
      "<OME UUID=\"u\"><BinaryOnly MetadataFile=\"set.companion.ome\" UUID=\"v\"/></OME>");
  EXPECT_EQ(document.metadata_file, "set.companion.ome");
}

TEST(OmeXml, DamagedNumbersAreAbsent) {
  const OmeDocument document = parse_ome_xml(
      "<OME><Image><Pixels SizeZ=\"-3\" SizeC=\"99999999999999999999\" PhysicalSizeX=\"nan\" "
      "PhysicalSizeY=\"-1\"><TiffData PlaneCount=\"x\"/>");
  ASSERT_EQ(document.images.size(), 1U);
  EXPECT_EQ(document.images[0].slices, 1);
  EXPECT_EQ(document.images[0].channels, 1);
  EXPECT_EQ(document.images[0].voxel_nm[1], std::nullopt);
  EXPECT_EQ(document.images[0].voxel_nm[2], std::nullopt);
}

}  // namespace
}  // namespace retina::store
