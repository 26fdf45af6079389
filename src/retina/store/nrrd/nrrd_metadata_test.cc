#include "retina/store/nrrd/nrrd_metadata.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kPlain =
    "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 33 40 9\nencoding: raw\n";

NrrdSpace space_of(const std::string& more, const std::string& axes = "") {
  return understand_nrrd(parse_nrrd_header(kPlain + more), axes);
}

std::string message_of_nrrd(const std::string& text, const std::string& axes = "") {
  try {
    understand_nrrd(parse_nrrd_header(text), axes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "understood";
}

TEST(NrrdMetadata, ReadsTheFields) {
  const NrrdHeader header = parse_nrrd_header(
      "NRRD0005\r\n# a comment: no field\r\ntype: unsigned short\r\ndimension: 2\r\nsizes: 33 "
      "40\r\n"
      "Endian: BIG\r\nencoding: gz\r\nlineskip: 2\r\nbyte skip: 7\r\ndata file: a b.raw\r\n"
      "kinds: domain domain\r\nunits: \"nm\" \"\"\r\nspacings: 4.5 nan\r\nmine:=yours: x\r\n");
  EXPECT_EQ(header.dtype, core::DType::u16);
  EXPECT_EQ(header.encoding, NrrdEncoding::gzip);
  EXPECT_TRUE(header.is_big_endian);
  EXPECT_THAT(header.sizes, ElementsAre(33, 40));
  EXPECT_EQ(header.line_skip, 2);
  EXPECT_EQ(header.byte_skip, 7);
  EXPECT_EQ(header.data_file, "a b.raw");
  EXPECT_THAT(header.units, ElementsAre("nm", ""));
  EXPECT_EQ(header.spacings[0], 4.5);
  EXPECT_FALSE(header.spacings[1]);
}

TEST(NrrdMetadata, TakesSizeAndOriginFromSpace) {
  const NrrdSpace space = space_of(
      "space dimension: 3\nspace directions: (4.6,0,0) (0,4.7,0) (0,0,0.05)\n"
      "space origin: (1,2,3)\nspace units: \"nm\" \"nm\" \"um\"\nkinds: domain domain domain\n");
  EXPECT_EQ(space.axes, "zyx");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{50, 4.7, 4.6}));
  EXPECT_EQ(space.offset_nm, (core::Vec3d{3000, 2, 1}));
  EXPECT_THAT(space.notes, ::testing::IsEmpty());
}

TEST(NrrdMetadata, TurnedAxesKeepTheirLengthAndLoseTheirOrigin) {
  const NrrdSpace space = space_of(
      "space dimension: 3\nspace directions: (3,4,0) (-4,3,0) (0,0,-50)\nspace origin: (1,2,3)\n"
      "space units: \"nm\" \"nm\" \"nm\"\n");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{50, 5, 5}));
  EXPECT_EQ(space.offset_nm, (core::Vec3d{0, 0, 0}));
  EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("turned or mirrored")));
}

TEST(NrrdMetadata, AnOriginThatCannotBeUsedIsNoted) {
  const std::string space =
      "space dimension: 3\nspace directions: (4,0,0) (0,4,0) (0,0,50)\n"
      "space units: \"nm\" \"nm\" \"nm\"\nkinds: domain domain domain\n";
  for (const char* origin : {"(1,inf,3)", "(1,nan,3)"}) {
    const NrrdSpace found = space_of(space + "space origin: " + origin + "\n");
    EXPECT_EQ(found.offset_nm, (core::Vec3d{0, 0, 0})) << origin;
    EXPECT_THAT(found.notes, ElementsAre(HasSubstr("along y, not finite"))) << origin;
  }
  EXPECT_THAT(space_of(space + "space origin: (nan,nan,nan)\n").notes, ::testing::IsEmpty())
      << "not known";
}

TEST(NrrdMetadata, DoesNotGuessUnits) {
  for (const char* more :
       {"spacings: 4.6 4.6 50\n",
        "space: left-posterior-superior\n"
        "space directions: (4.6,0,0) (0,4.6,0) (0,0,50)\nspace origin: (1,2,3)\n"}) {
    const NrrdSpace space = space_of(more);
    EXPECT_FALSE(space.voxel_nm) << more;
    EXPECT_EQ(space.offset_nm, (core::Vec3d{0, 0, 0}));
    EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("--voxel-size-nm"))) << more;
  }
}

TEST(NrrdMetadata, SpacingsThatAreNoneAreNotedAndNotMadeUp) {
  const std::string units = "units: \"nm\" \"nm\" \"nm\"\n";
  const std::string space = "space dimension: 3\nspace units: \"nm\" \"nm\" \"nm\"\n";
  for (const std::string& more :
       {"spacings: nan 4 50\n" + units, "spacings: 4 4 nan\n" + units, "spacings: 4 0 50\n" + units,
        "spacings: 4 4 -50\n" + units, "spacings: 4 4 many\n" + units,
        space + "space directions: (4,0,0) (0,4,0) none\n",
        space + "space directions: (4,0,0) (0,0,0) (0,0,50)\n",
        space + "space directions: (4,0,0) (0,nan,0) (0,0,50)\n"}) {
    const NrrdSpace found = space_of(more);
    EXPECT_FALSE(found.voxel_nm) << more;
    EXPECT_THAT(found.notes, ::testing::Contains(::testing::AllOf(HasSubstr("not positive"),
                                                                  HasSubstr("--voxel-size-nm"))))
        << more;
  }
  EXPECT_THAT(space_of("spacings: 4 4 50\nunits: \"nm\" \"nm\" \"pixel\"\n").notes,
              ::testing::Contains(HasSubstr("50 pixel")));
}

TEST(NrrdMetadata, AxesComeFromLabelsThenKinds) {
  EXPECT_EQ(space_of("labels: \"z\" \"y\" \"x\"\n").axes, "xyz");
  EXPECT_EQ(space_of("kinds: RGB-color domain domain\n").axes, "yxc");
  EXPECT_EQ(space_of("kinds: domain domain time\n").axes, "tyx");
  EXPECT_EQ(space_of("").axes, "zyx");
  EXPECT_THAT(space_of("").notes, ElementsAre(HasSubstr("axes are not stated")));
  EXPECT_EQ(space_of("", "cyx").axes, "cyx");
}

TEST(NrrdMetadata, RefusesAmbiguousAxes) {
  const std::string four = "NRRD0004\ntype: uint8\ndimension: 4\nsizes: 3 33 40 9\nencoding: raw\n";
  EXPECT_THAT(message_of_nrrd(four), HasSubstr("--axes"));
  EXPECT_EQ(message_of_nrrd(four, "zyxc"), "understood");
  EXPECT_THAT(message_of_nrrd(four, "zyx"), HasSubstr("'zyx' for 4 dimensions"));
}

TEST(NrrdMetadata, SaysWhatIsNotRead) {
  EXPECT_THAT(message_of_nrrd("NRRD0001\ntype: block\ndimension: 1\nsizes: 2\nencoding: raw\n"),
              HasSubstr("type 'block'"));
  for (const char* encoding : {"bzip2", "ascii", "hex"}) {
    EXPECT_THAT(message_of_nrrd("NRRD0001\ntype: uchar\ndimension: 1\nsizes: 2\nencoding: " +
                                std::string(encoding) + "\n"),
                HasSubstr(encoding));
  }
  EXPECT_THAT(message_of_nrrd(kPlain + std::string("data file: LIST\n")),
              HasSubstr("several files"));
  EXPECT_THAT(message_of_nrrd(kPlain + std::string("data file: a%03d.raw 1 9 1\n")),
              HasSubstr("several files"));
}

TEST(NrrdMetadata, RefusesDamagedHeaders) {
  EXPECT_THAT(message_of_nrrd("NRRD0001\n"), HasSubstr("'dimension'"));
  EXPECT_THAT(message_of_nrrd("NRRD0001\ndimension: 2\nsizes: 2\n"), HasSubstr("2 axes"));
  EXPECT_THAT(message_of_nrrd("NRRD0001\ndimension: 99\nsizes: 2\n"), HasSubstr("axes"));
  EXPECT_THAT(message_of_nrrd("NRRD0001\ndimension: 1\nsizes: -2\n"), HasSubstr("'-2'"));
  EXPECT_THAT(message_of_nrrd("NRRD0001\ndimension: 1\nsizes: 99999999999999999999\n"),
              HasSubstr("99999999999999999999"));
  EXPECT_THAT(message_of_nrrd("NRRD0001\ntype: int\ndimension: 1\nsizes: 2\nencoding: raw\n"),
              HasSubstr("endian"));
  EXPECT_THAT(message_of_nrrd(kPlain + std::string("space directions: (1,2\n")),
              HasSubstr("vectors"));
  EXPECT_THAT(message_of_nrrd(kPlain + std::string("byte skip: -2\n")), HasSubstr("'-2'"));
}

TEST(NrrdMetadata, WhatIsWrittenIsUnderstood) {
  const std::string text =
      nrrd_header_text(core::DType::f32, 2, {9, 40, 33}, core::Vec3d{50, 4.7, 4.6}, {3, 2, 1.5});
  const NrrdHeader header = parse_nrrd_header(text);
  const NrrdSpace space = understand_nrrd(header, "");
  EXPECT_EQ(header.dtype, core::DType::f32);
  EXPECT_THAT(header.sizes, ElementsAre(33, 40, 9, 2));
  EXPECT_EQ(space.axes, "czyx");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{50, 4.7, 4.6}));
  EXPECT_EQ(space.offset_nm, (core::Vec3d{3, 2, 1.5}));
}

}  // namespace
}  // namespace retina::store
