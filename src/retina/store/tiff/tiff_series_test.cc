#include "retina/store/tiff/tiff_series.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TiffDirectory grey_page(std::int64_t height, std::int64_t width) {
  TiffDirectory page;
  page.height = height;
  page.width = width;
  page.bits = 8;
  page.blocks = 1;
  return page;
}

TiffContents grey_pages(std::size_t count, const std::string& description) {
  TiffContents contents;
  contents.pages.assign(count, grey_page(4, 5));
  contents.description = description;
  return contents;
}

TiffSeries chosen_series(const TiffContents& contents, const std::string& inner = "",
                         const std::string& axes = "") {
  return choose_tiff_series("a.tif", 100000, contents, parse_tiff_selection("a.tif", inner, axes));
}

std::string message_of_choice(const TiffContents& contents, const std::string& inner = "",
                              const std::string& axes = "") {
  try {
    chosen_series(contents, inner, axes);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

std::string ome_text(const std::string& pixels, const std::string& inside = "") {
  return "<OME UUID=\"me\"><Image><Pixels SizeX=\"5\" SizeY=\"4\" Type=\"uint8\" " + pixels + ">" +
         inside + "</Pixels></Image></OME>";
}

TEST(TiffSeries, PagesWithoutAWordAreSlicesAndItIsSaid) {
  const TiffSeries series = chosen_series(grey_pages(6, "some text"));
  EXPECT_EQ(series.axes, "zyx");
  EXPECT_EQ(series.slices, 6);
  EXPECT_THAT(series.notes, Contains(HasSubstr("taken for slices along z")));
}

TEST(TiffSeries, ImageJHyperstacksHaveChannelsFastest) {
  const TiffSeries series =
      chosen_series(grey_pages(6, "ImageJ=1\nimages=6\nchannels=2\nslices=3\n"));
  EXPECT_EQ(series.axes, "zcyx");
  EXPECT_EQ(series.plane(2, 1).page, 5U);
  EXPECT_TRUE(series.notes.empty());
}

TEST(TiffSeries, TimePointsAreRefusedWithTheOptionToPass) {
  const TiffContents contents =
      grey_pages(12, "ImageJ=1\nimages=12\nchannels=2\nslices=3\nframes=2\n");
  EXPECT_THAT(message_of_choice(contents), HasSubstr("'a.tif:t=0' to 'a.tif:t=1'"));
  const TiffSeries second = chosen_series(contents, "t=1");
  EXPECT_EQ(second.axes, "zcyx");
  EXPECT_EQ(second.plane(1, 1).page, 9U);
  EXPECT_THAT(message_of_choice(contents, "t=2"), HasSubstr("0 to 1"));
}

TEST(TiffSeries, TimePointsMayBeSlices) {
  const TiffContents contents = grey_pages(6, "ImageJ=1\nimages=6\nframes=6\n");
  EXPECT_THAT(message_of_choice(contents), HasSubstr("--axes zyx"));
  EXPECT_EQ(chosen_series(contents, "", "zyx").slices, 6);
}

TEST(TiffSeries, UnnamedAxesAreRefusedUnlessStated) {
  const TiffContents contents = grey_pages(6, "{\"shape\": [2, 3, 4, 5]}");
  EXPECT_THAT(message_of_choice(contents), HasSubstr("--axes czyx or --axes zcyx"));
  const TiffSeries channels_first = chosen_series(contents, "", "czyx");
  EXPECT_EQ(channels_first.axes, "czyx");
  EXPECT_EQ(channels_first.plane(2, 1).page, 5U);
  EXPECT_EQ(channels_first.plane(0, 1).page, 3U);
  EXPECT_EQ(chosen_series(contents, "", "zcyx").plane(1, 0).page, 3U);
  EXPECT_EQ(chosen_series(contents, "", "zyx").slices, 6);
  EXPECT_EQ(chosen_series(grey_pages(6, "{\"shape\": [6, 4, 5]}")).axes, "zyx");
}

TEST(TiffSeries, ReadsTheAxesOfTifffile) {
  const TiffSeries series =
      chosen_series(grey_pages(6, "{\"shape\": [2, 3, 4, 5], \"axes\": \"CZYX\"}"));
  EXPECT_EQ(series.axes, "czyx");
  EXPECT_EQ(series.channels, 2);
}

TEST(TiffSeries, DescriptionsThatContradictThePages) {
  EXPECT_THAT(message_of_choice(grey_pages(5, "ImageJ=1\nimages=6\nchannels=2\nslices=3\n")),
              AllOf(HasSubstr("5 pages"), HasSubstr("--axes zyx")));
  EXPECT_THAT(chosen_series(grey_pages(5, "ImageJ=1\nimages=9\nslices=9\n")).notes,
              Contains(HasSubstr("counts 9")));
}

TEST(TiffSeries, FullResolutionIsTakenBesideItsPyramid) {
  TiffContents contents;
  contents.pages = {grey_page(201, 250), grey_page(101, 125), grey_page(50, 62)};
  const TiffSeries series = chosen_series(contents);
  EXPECT_THAT(series.pages, ElementsAre(0U));
  EXPECT_THAT(series.notes, Contains(HasSubstr("2 smaller page(s)")));
  contents.pages.push_back(grey_page(50, 50));  // not of the same shape: a label, a macro
  EXPECT_THAT(message_of_choice(contents),
              AllOf(HasSubstr("series=3: 1 page(s) from page 4 on, 50 x 50 uint8"),
                    HasSubstr("'a.tif:series=0'")));
  EXPECT_THAT(chosen_series(contents, "series=3").pages, ElementsAre(3U));
}

TEST(TiffSeries, OneLargePageDoesNotHideAStack) {
  TiffContents contents = grey_pages(6, "");
  contents.pages.push_back(grey_page(40, 50));
  EXPECT_THAT(message_of_choice(contents), HasSubstr("several kinds"));
  EXPECT_EQ(chosen_series(contents, "series=0").slices, 6);
}

TEST(TiffSeries, ReducedPagesAreLeftOut) {
  TiffContents contents = grey_pages(2, "");
  contents.pages.insert(contents.pages.begin(), grey_page(7, 3));
  contents.pages[0].subfile_type = 1;
  EXPECT_THAT(chosen_series(contents).pages, ElementsAre(1U, 2U));
}

TEST(TiffSeries, ImagesThatAreNotListedAreFoundByTheirSize) {
  TiffContents contents = grey_pages(1, "ImageJ=1\nimages=100\nchannels=2\nslices=50\n");
  contents.pages[0].first_block = 1000;
  const TiffSeries series = chosen_series(contents);
  EXPECT_EQ(series.axes, "zcyx");
  EXPECT_EQ(series.slices, 50);
  EXPECT_EQ(series.plane(7, 1).image, 15);
  contents.pages[0].first_block = 100000 - 20 * 99;  // room for 99 images of 20 bytes
  EXPECT_THAT(message_of_choice(contents), HasSubstr("room for 99"));
  contents.pages[0].first_block = 100000 - 20;
  EXPECT_EQ(chosen_series(contents).axes, "yx");
  EXPECT_THAT(chosen_series(contents).notes, Contains(HasSubstr("holds one")));
}

TEST(TiffSeries, FollowsTheOrderOfOme) {
  const TiffContents contents =
      grey_pages(6, ome_text("DimensionOrder=\"XYZCT\" SizeZ=\"3\" SizeC=\"2\" SizeT=\"1\""));
  const TiffSeries series = chosen_series(contents);
  EXPECT_EQ(series.axes, "czyx");
  EXPECT_EQ(series.plane(1, 1).page, 4U);
}

TEST(TiffSeries, SaysThatPhysicalSizesOfOmeAreNotUsed) {
  const TiffContents contents =
      grey_pages(2, ome_text("SizeZ=\"2\" PhysicalSizeX=\"1\" PhysicalSizeXUnit=\"pixel\""));
  EXPECT_THAT(chosen_series(contents).notes, Contains(HasSubstr("no length: 1 pixel")));
}

TEST(TiffSeries, FollowsTheTiffDataOfOme) {
  const TiffContents contents = grey_pages(
      3, ome_text("DimensionOrder=\"XYZCT\" SizeZ=\"2\" SizeC=\"1\" SizeT=\"1\"",
                  "<TiffData FirstZ=\"1\" IFD=\"0\"/><TiffData FirstZ=\"0\" IFD=\"2\"/>"));
  const TiffSeries series = chosen_series(contents);
  EXPECT_THAT(series.pages, ElementsAre(2U, 0U));
  EXPECT_THAT(series.notes, Contains(HasSubstr("1 page(s) that are not of this image")));
}

TEST(TiffSeries, PlanesOfOmeInOtherFilesAreRefused) {
  const std::string size = "SizeZ=\"2\" SizeC=\"1\" SizeT=\"1\"";
  const auto with = [&](const std::string& uuid) {
    return grey_pages(2, ome_text(size, "<TiffData PlaneCount=\"2\">" + uuid + "</TiffData>"));
  };
  EXPECT_THAT(message_of_choice(with("<UUID FileName=\"b.tif\">other</UUID>")),
              AllOf(HasSubstr("'b.tif'"), HasSubstr("one file")));
  EXPECT_EQ(chosen_series(with("<UUID FileName=\"before it was renamed.tif\">me</UUID>")).slices,
            2);
  EXPECT_THAT(message_of_choice(grey_pages(1, "<OME><BinaryOnly MetadataFile=\"m.ome\"/></OME>")),
              HasSubstr("m.ome"));
}

TEST(TiffSeries, OmeThatPromisesMoreThanTheFileHasIsRefused) {
  EXPECT_THAT(message_of_choice(grey_pages(
                  2, ome_text("SizeZ=\"4000000000\" SizeC=\"4000000000\" SizeT=\"4000000000\""))),
              HasSubstr("2 page(s)"));
  EXPECT_THAT(message_of_choice(grey_pages(2, ome_text("SizeZ=\"2\"", "<TiffData IFD=\"5\"/>"))),
              HasSubstr("2 of 2 planes without a page"));
  std::string many;
  for (int i = 0; i < 5; ++i) {
    many += "<TiffData PlaneCount=\"2\"/>";
  }
  EXPECT_THAT(message_of_choice(grey_pages(2, ome_text("SizeZ=\"2\"", many))), HasSubstr("again"));
}

TEST(TiffSeries, SeveralImagesOfOmeAreListed) {
  const std::string image =
      "<Image Name=\"n\"><Pixels SizeX=\"5\" SizeY=\"4\"><TiffData IFD=\"1\"/></Pixels></Image>";
  const TiffContents contents = grey_pages(2, "<OME>" + image + image + "</OME>");
  EXPECT_THAT(message_of_choice(contents), AllOf(HasSubstr("2 images"), HasSubstr(":series=0")));
  EXPECT_THAT(chosen_series(contents, "series=1").pages, ElementsAre(1U));
}

TEST(TiffSeries, SaysThatAnOrientationIsNotApplied) {
  TiffContents contents = grey_pages(2, "");
  EXPECT_THAT(chosen_series(contents).notes, ::testing::Not(Contains(HasSubstr("Orientation"))));
  contents.pages[0].orientation = 6;
  EXPECT_THAT(chosen_series(contents).notes, Contains(HasSubstr("Orientation is 6 (right-top)")));
  contents.pages[0].orientation = 9;
  EXPECT_THAT(chosen_series(contents).notes, Contains(HasSubstr("Orientation is 9 (unknown)")));
}

TEST(TiffSeries, RefusesPagesThatClaimMoreThanTheFile) {
  TiffContents contents = grey_pages(1, "");
  contents.pages[0].width = 4000000000;
  contents.pages[0].height = 4000000000;
  EXPECT_THAT(message_of_choice(contents), HasSubstr("claims"));
}

TEST(TiffSeries, RefusesWhatItCannotRead) {
  const auto with = [](auto change) {
    TiffContents contents = grey_pages(1, "");
    change(contents.pages[0]);
    return message_of_choice(contents);
  };
  EXPECT_THAT(with([](TiffDirectory& page) { page.bits = 12; }), HasSubstr("12 bits"));
  EXPECT_THAT(with([](TiffDirectory& page) { page.compression = 34712; }), HasSubstr("JPEG 2000"));
  EXPECT_THAT(with([](TiffDirectory& page) { page.photometric = 5; }), HasSubstr("colour space 5"));
  EXPECT_THAT(with([](TiffDirectory& page) { page.depth = 4; }), HasSubstr("4 slices a page"));
  EXPECT_THAT(with([](TiffDirectory& page) { page.planes_in_tag = 9; }), HasSubstr("MetaMorph"));
}

TEST(TiffSeries, SelectionsThatAreNoneAreUsageErrors) {
  for (const char* inner : {"x", "t=", "t=-1", "t=1x", "series=99999999999999999999"}) {
    EXPECT_THROW(parse_tiff_selection("a.tif", inner, ""), Error) << inner;
  }
  const TiffSelection both = parse_tiff_selection("a.tif", "series=2,t=1", "");
  EXPECT_EQ(both.series, 2);
  EXPECT_EQ(both.time, 1);
}

}  // namespace
}  // namespace retina::store
