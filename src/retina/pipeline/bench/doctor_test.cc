#include "retina/pipeline/bench/doctor.h"

#include <gtest/gtest.h>

#include "retina/store/open.h"

namespace retina::pipeline {
namespace {

TEST(Doctor, MeasuresTheDeviceAndSaysWhatWouldBeUsed) {
  const DoctorReport report = doctor({.device = "cpu"}, core::silent_context());
  EXPECT_GT(report.fp32_gflops, 0);
  EXPECT_GT(report.bf16_gflops, 0);
  EXPECT_EQ(report.device, "cpu");
  const std::string text = to_text(report);
  EXPECT_NE(text.find("libtorch"), std::string::npos);
  EXPECT_EQ(to_json(report)["precision"], report.precision);
  EXPECT_EQ(to_json(report)["prediction_precision"], "fp32");
  for (const std::string& format : store::format_names()) {
    EXPECT_NE(text.find(format), std::string::npos) << format;
  }
}

}  // namespace
}  // namespace retina::pipeline
