#include "retina/pipeline/run/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/report/metrics_log.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(RunReport, ShowsFactsScoresCurvesAndPictures) {
  const testing::TempFolder folder;
  report::MetricsLog log(folder.path(), -1);
  log.write(1, 0.1, {{"loss", 0.9}, {"iou/0", 0.1}, {"learning_rate", 0.003}});
  log.write(2, 0.2, {{"validation/iou", 0.8}});
  const core::Array plane(core::DType::u8, 1, {1, 8, 8});

  write_run_report(folder.path(),
                   {.title = "Run",
                    .facts = {{"steps", "2"}},
                    .class_names = {"mitochondria"},
                    .validation = ValidationScores{{{"mitochondria", 0.8125, 0.75}}, {}},
                    .samples = {{"slice 3", plane, plane, plane}}});

  const std::string html = core::read_text(folder / "report.html");
  for (const char* part : {"0.8125", "training, mitochondria", "validation", "slice 3",
                           "data:image/png", "Learning rate"}) {
    EXPECT_THAT(html, ::testing::HasSubstr(part));
  }
}

}  // namespace
}  // namespace retina::pipeline
