#include "retina/pipeline/pretrain/pretrain_report.h"

#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/run/run_report.h"

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

/// A run that ended before its first line of the log has no figures of its steps.
std::vector<std::pair<std::string, std::string>> facts_of(const PretrainReport& report,
                                                          const PretrainPage& page) {
  std::vector<std::pair<std::string, std::string>> facts{{"state", page.state}};
  if (report.steps > 0) {
    facts.emplace_back("steps", std::to_string(report.steps));
    facts.emplace_back("epochs", fmt::format("{:.2f}", report.epochs));
  }
  facts.emplace_back("seconds", fmt::format("{:.0f}", report.seconds));
  facts.emplace_back("device", page.device);
  if (report.device_busy) {
    facts.emplace_back("device busy", fmt::format("{:.0f} %", 100 * *report.device_busy));
  }
  facts.emplace_back("images", std::to_string(page.images));
  facts.emplace_back("patches an epoch", std::to_string(page.patches));
  if (report.loss) {
    facts.emplace_back("loss", fmt::format("{:.4f}", *report.loss));
  }
  if (report.input_error) {
    facts.emplace_back("loss of an output equal to the input",
                       fmt::format("{:.4f}", *report.input_error));
  }
  if (report.seconds_left) {
    facts.emplace_back("seconds left", fmt::format("{:.0f}", *report.seconds_left));
  }
  facts.insert(facts.end(), page.transfer.begin(), page.transfer.end());
  return facts;
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

void write_pretrain_page(const PretrainReport& report, const std::string& preset,
                         PretrainPage page) {
  RunSummary summary;
  summary.title = fmt::format("Pre-training {}", preset);
  summary.facts = facts_of(report, page);
  summary.pictures_are = "Input, reconstruction, target";
  summary.pictures = std::move(page.pictures);
  write_run_report(report.run, summary);
}

}  // namespace retina::pipeline
