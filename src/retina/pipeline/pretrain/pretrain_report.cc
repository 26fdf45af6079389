#include <optional>

#include <fmt/format.h>

#include "retina/pipeline/pretrain/pretrain.h"

namespace retina::pipeline {
namespace {

Json number_or_null(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

std::string loss_line(const PretrainReport& report) {
  return report.loss && report.input_error
             ? fmt::format("loss      {:.4f} (output = input: {:.4f})\n", *report.loss,
                           *report.input_error)
             : "";
}

}  // namespace

Json to_json(const PretrainReport& report) {
  if (report.plan) {
    return to_json(*report.plan);
  }
  return {{"run", report.run},
          {"steps", report.steps},
          {"epochs", report.epochs},
          {"seconds", report.seconds},
          {"loss", number_or_null(report.loss)},
          {"input_error", number_or_null(report.input_error)},
          {"device_busy", number_or_null(report.device_busy)},
          {"report", report.report}};
}

std::string to_text(const PretrainReport& report) {
  if (report.plan) {
    return to_text(*report.plan);
  }
  return fmt::format(
      "run       {}\nsteps     {}\nepochs    {:.2f}\nseconds   {:.1f}\n{}report    {}\n",
      report.run, report.steps, report.epochs, report.seconds, loss_line(report), report.report);
}

}  // namespace retina::pipeline
