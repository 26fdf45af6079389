#include "retina/pipeline/finetune/finetune_report.h"

#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/run/run_report.h"
#include "retina/pipeline/text_table.h"

namespace retina::pipeline {
namespace {

/// What regions to leave out make of a planned training; empty without.
std::string region_trainings_line(const TrainingPlan& plan, std::int64_t trainings) {
  if (trainings == 1) {
    return {};
  }
  std::string text =
      fmt::format("  regions     {} to leave out: {} trainings", trainings - 1, trainings);
  if (plan.steps > 0) {
    text += fmt::format(", {} steps each", plan.steps);
  }
  if (plan.max_seconds > 0) {
    text += fmt::format(", at most {:.0f} s each and {:.0f} s in all",
                        plan.max_seconds / static_cast<double>(trainings), plan.max_seconds);
  }
  return text + "\n";
}

}  // namespace

Json to_json(const FinetuneReport& report) {
  if (report.plan) {
    Json plan = to_json(*report.plan);
    plan["trainings"] = report.trainings;
    return plan;
  }
  Json json{{"run", report.run},
            {"state", report.state},
            {"steps", report.steps},
            {"seconds", report.seconds},
            {"best_validation_iou",
             report.best_validation_iou ? Json(*report.best_validation_iou) : Json(nullptr)},
            {"best_step", report.best_step},
            {"device_busy", report.device_busy},
            {"precision", report.precision},
            {"report", report.report}};
  if (report.leave_one_out) {
    json["leave_one_out"] = core::options_to_json(*report.leave_one_out);
  }
  return json;
}

std::string to_text(const FinetuneReport& report) {
  if (report.plan) {
    return to_text(*report.plan) + region_trainings_line(*report.plan, report.trainings);
  }
  std::string text = fmt::format("run       {}\nstate     {}\nsteps     {}\nseconds   {:.1f}\n",
                                 report.run, report.state, report.steps, report.seconds);
  if (report.best_validation_iou) {
    text += fmt::format("best validation IoU {:.4f} after step {}\n", *report.best_validation_iou,
                        report.best_step);
  }
  text += fmt::format("report    {}\n", report.report);
  if (report.leave_one_out) {
    text += "\n" + text_table(table_of(*report.leave_one_out)) + summary_of(*report.leave_one_out) +
            "\n";
  }
  return text;
}

void write_finetune_page(const FinetuneReport& report, const FinetuneOptions& options,
                         FinetunePage page) {
  RunSummary summary;
  summary.title = fmt::format("Fine-tuning {}", options.preset);
  summary.facts = {
      {"state", report.state},
      {"steps", std::to_string(report.steps)},
      {"seconds", fmt::format("{:.0f}", report.seconds)},
      {"device", page.device},
      {"device busy", fmt::format("{:.0f} %", 100 * report.device_busy)},
      {"training slices", std::to_string(page.training_slices)},
      {"held-out slices", std::to_string(page.held_out_slices)},
      {"best validation IoU",
       report.best_validation_iou
           ? fmt::format("{:.4f} after step {}", *report.best_validation_iou, report.best_step)
           : "not validated"}};
  summary.facts.insert(summary.facts.end(), page.transfer.begin(), page.transfer.end());
  summary.class_names = options.classes;
  if (options.channels() > 1) {
    summary.class_names.insert(summary.class_names.begin(), "background");
  }
  summary.validation = std::move(page.validation);
  if (report.leave_one_out) {
    summary.tables.push_back(
        {.title = "Left-out regions",
         .text = summary_of(*report.leave_one_out) +
                 ". Before: the model that training started from. After: a training that did not "
                 "know the region; the model of this run knows all of them.",
         .rows = table_of(*report.leave_one_out)});
  }
  summary.samples_are = page.held_out_slices > 0 ? "Held-out slices" : "Training slices";
  summary.samples = std::move(page.samples);
  write_run_report(report.run, summary);
}

}  // namespace retina::pipeline
