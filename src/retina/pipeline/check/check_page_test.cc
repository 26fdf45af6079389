#include "retina/pipeline/check/check_page.h"

#include <cstdint>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/check/check_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(CheckPage, TellsProblemsAndRepeatsAndHowManyImagesAreLeftOut) {
  CheckReport report;
  report.class_names = {"background", "m"};
  report.statistics.histogram[7] = 1;
  report.volumes.resize(203);
  report.problems.push_back({.subject = "masks/a.png",
                             .found = "no image named a",
                             .expected = "an image of the same name",
                             .remedy = "add the image"});
  report.repeated.push_back({.first = "image b",
                             .second = "image c",
                             .is_turned = true,
                             .labels_differ = false,
                             .is_leak = false});
  const testing::TempFolder folder;
  write_check_page(folder / "page.html", report);
  const std::string html = core::read_text(folder / "page.html");
  for (const char* text : {"1 problems", "no image named a", "add the image", "image c",
                           "flipped or turned", "... and 3 more."}) {
    EXPECT_THAT(html, ::testing::HasSubstr(text));
  }
  EXPECT_THAT(html, ::testing::Not(::testing::HasSubstr("Ready for training")));
}

TEST(CheckPage, IsSelfContainedAndShowsMasks) {
  const testing::TempFolder folder;
  write_png(folder / "images" / "a.png", 600);
  write_png(folder / "masks" / "a.png", 600, std::uint8_t{1});
  CheckOptions options;
  options.data.path = folder.path();
  options.classes = {"mitochondria"};
  options.output = folder / "page.html";
  check(options, core::silent_context());
  const std::string html = core::read_text(folder / "page.html");
  for (const char* text : {"Ready for training", "with its mask", "data:image/png"}) {
    EXPECT_THAT(html, ::testing::HasSubstr(text));
  }
  EXPECT_THAT(html, ::testing::Not(::testing::HasSubstr("http://")));
  EXPECT_THROW(check(options, core::silent_context()), Error) << "the page exists";
  options.output = folder / "page.txt";
  EXPECT_THROW(check(options, core::silent_context()), Error);
}

}  // namespace
}  // namespace retina::pipeline
