#include "retina/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Page sample_page() {
  Page page("Run <1>");
  page.heading("Scores");
  page.paragraph("a & b");
  page.table({"class", "IoU"}, {{"mitochondria", "0.84"}});
  page.pictures({grey("image", core::Array(core::DType::u8, 1, {1, 8, 8}))});
  page.curves("Loss", "step", {{"train", {{0, 1}, {10, 0.5}}}});
  return page;
}

TEST(Page, MakesNoExternalRequests) {
  const std::string html = sample_page().html();
  for (const char* part : {"http:", "https:", "src=\"/", "@import", "<script", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(part)));
  }
  EXPECT_THAT(html, HasSubstr("src=\"data:image/png;base64,iVBORw0KGgo"));
  EXPECT_THAT(html, HasSubstr("prefers-color-scheme:dark"));
}

TEST(Page, EscapesText) {
  const std::string html = sample_page().html();
  EXPECT_THAT(html, HasSubstr("<title>Run &lt;1&gt;</title>"));
  EXPECT_THAT(html, HasSubstr("a &amp; b"));
}

TEST(Page, CellsMayBeBold) {
  Page page("Scores");
  page.table({"a", "b"}, {{"1", "2"}, {"3", "<4"}}, {{0, 1}, {1, 1}});
  EXPECT_THAT(page.html(), HasSubstr("<tr><td>1</td><td><strong>2</strong></td></tr>\n"
                                     "<tr><td>3</td><td><strong>&lt;4</strong></td></tr>"));
}

TEST(Page, IsWrittenWhole) {
  const testing::TempFolder folder;
  sample_page().write(folder / "report.html");
  EXPECT_EQ(core::read_text(folder / "report.html"), sample_page().html());
}

}  // namespace
}  // namespace retina::report
