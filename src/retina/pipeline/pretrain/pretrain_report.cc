#include <fmt/format.h>

#include "retina/pipeline/pretrain/pretrain.h"

namespace retina::pipeline {

Json to_json(const PretrainReport& report) {
  if (report.plan) {
    return to_json(*report.plan);
  }
  return {{"run", report.run},
          {"steps", report.steps},
          {"epochs", report.epochs},
          {"seconds", report.seconds},
          {"loss", report.loss},
          {"input_error", report.input_error},
          {"device_busy", report.device_busy},
          {"report", report.report}};
}

std::string to_text(const PretrainReport& report) {
  if (report.plan) {
    return to_text(*report.plan);
  }
  return fmt::format(
      "run       {}\nsteps     {}\nepochs    {:.2f}\nseconds   {:.1f}\nloss      {:.4f} (output = "
      "input: {:.4f})\nreport    {}\n",
      report.run, report.steps, report.epochs, report.seconds, report.loss, report.input_error,
      report.report);
}

}  // namespace retina::pipeline
