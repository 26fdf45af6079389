#pragma once

#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

struct DoctorOptions {
  std::string device = "auto";

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("device", self.device, "device to examine: auto, cpu, cuda or cuda:1");
  }
};

/// One line of the examination.
struct Finding {
  std::string topic;
  std::string value;
};

struct DoctorReport {
  std::vector<Finding> findings;
  std::string device;     ///< what `auto` would choose
  std::string precision;  ///< what `auto` would choose there, in training
  std::string prediction_precision;
  double fp32_gflops = 0;  ///< measured on a 3 x 3 convolution of the network's middle stage
  double bf16_gflops = 0;
};

/// Hardware, threads, devices, the precision that measures faster here, and what would be used and
/// why. Takes a few seconds.
DoctorReport doctor(const DoctorOptions& options, const core::Context& context);

Json to_json(const DoctorReport& report);
std::string to_text(const DoctorReport& report);

}  // namespace retina::pipeline
