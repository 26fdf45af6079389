#include "retina/pipeline/bench/doctor.h"

#include <fstream>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include "retina/core/file.h"
#include "retina/core/resource_limits.h"
#include "retina/pipeline/bench/machine_rates.h"
#include "retina/store/open.h"
#include "retina/tensor/device.h"

namespace retina::pipeline {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) {
      return line.substr(line.find(':') + 2);
    }
  }
  return "unknown";
}

}  // namespace

DoctorReport doctor(const DoctorOptions& options, const core::Context&) {
  const at::NoGradGuard no_grad;
  DoctorReport report;
  const at::Device device = tensor::choose_device(options.device);
  report.device = device.str();
  tensor::use_precision(tensor::Precision::fp32, device);
  report.fp32_gflops = convolution_gflops(device, at::kFloat);
  report.bf16_gflops = convolution_gflops(device, at::kBFloat16);
  report.precision = tensor::bf16_is_fast(device) ? "bf16" : "fp32";
  report.prediction_precision = "fp32";  // whatever the device: docs/inference.md
  const auto add = [&](std::string topic, std::string value) {
    report.findings.push_back({std::move(topic), std::move(value)});
  };
  add("processor",
      fmt::format("{}, {} threads for this process", cpu_name(), core::usable_cores()));
  add("memory", core::format_size(core::usable_memory()) + " for this process");
  add("libtorch", fmt::format("{}, {} threads", TORCH_VERSION, at::get_num_threads()));
  add("CUDA devices",
      torch::cuda::is_available() ? std::to_string(torch::cuda::device_count()) : "none found");
  add("device", fmt::format("{}: {}", report.device,
                            options.device != "auto" ? "as asked"
                            : device.is_cuda()       ? "a CUDA device is there"
                                                     : "no CUDA device is there"));
  add("fp32", fmt::format("{:.0f} GFLOP/s on a 3 x 3 convolution", report.fp32_gflops));
  add("bf16", fmt::format("{:.0f} GFLOP/s, {:.1f} times fp32", report.bf16_gflops,
                          report.bf16_gflops / report.fp32_gflops));
  add("precision",
      report.precision == "bf16"
          ? device.is_cuda()
                ? "training bf16, predict fp32 unless --precision tf32 or bf16"
                : "training bf16 (the device has bf16 instructions), predict fp32 unless "
                  "--precision bf16"
          : "fp32 (the device has no bf16 instructions)");
  add("formats", fmt::format("{}", fmt::join(store::format_names(), ", ")));
  return report;
}

Json to_json(const DoctorReport& report) {
  Json json;
  for (const Finding& finding : report.findings) {
    json[finding.topic] = finding.value;
  }
  json["device"] = report.device;
  json["precision"] = report.precision;
  json["prediction_precision"] = report.prediction_precision;
  json["fp32_gflops"] = report.fp32_gflops;
  json["bf16_gflops"] = report.bf16_gflops;
  return json;
}

std::string to_text(const DoctorReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    text += fmt::format("{:<14}{}\n", finding.topic, finding.value);
  }
  return text;
}

}  // namespace retina::pipeline
