#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/pipeline/finetune/finetune_options.h"

namespace retina {

constexpr core::EnumTable<ErrorKind, 5> enum_table(ErrorKind) {
  return {{{ErrorKind::internal, "internal"},
           {ErrorKind::usage, "usage"},
           {ErrorKind::bad_data, "bad_data"},
           {ErrorKind::resource, "resource"},
           {ErrorKind::interrupted, "interrupted"}}};
}

}  // namespace retina

namespace retina::pipeline {

/// cell.json: what a cell was begun with.
struct CellIdentity {
  FinetuneOptions finetune;  ///< options that came after it was written have their defaults
  std::string weights{};     ///< digest of the file that training starts from; empty = random
};

/// What the weights of a run scored after some steps.
struct CurvePoint {
  std::int64_t step = 0;
  double iou = 0;                          ///< of the run's own validation
  std::map<std::string, double> scores{};  ///< as CellResult::scores; empty = not scored

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("step", self.step, "steps done");
    visit("iou", self.iou, "of validation: mean over classes and held-out slices");
    visit("scores", self.scores, "as those of the end; empty = not scored with these options");
  }
};

struct SliceIou {
  std::string name;
  std::optional<double> iou;  ///< mean over classes; none where nothing is known of the slice

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "of the held-out slice");
    visit("iou", self.iou, "mean over classes");
  }
};

/// result.json: what one run gave.
struct CellResult {
  Json evaluate = Json::object();
  std::int64_t training_slices = 0;
  std::int64_t steps = 0;
  double seconds = 0;
  std::optional<double> seconds_per_step{};
  std::string device{};
  std::string precision{};
  std::map<std::string, double> scores{};
  std::vector<CurvePoint> curve{};
  std::vector<SliceIou> slices{};
  std::vector<std::string> notes{};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("evaluate", self.evaluate, "options that the scores were made with");
    visit("training_slices", self.training_slices, "labelled slices");
    visit("steps", self.steps, "training steps");
    visit("seconds", self.seconds, "of the whole run");
    visit("seconds_per_step", self.seconds_per_step, "median");
    visit("device", self.device, "that it was scored on");
    visit("precision", self.precision, "fp32, tf32 or bf16 of the training; empty = not recorded");
    visit("scores", self.scores, "iou, f, precision, recall, mfd, ...; undefined ones are absent");
    visit("curve", self.curve, "scores over steps");
    visit("slices", self.slices, "IoU of each held-out slice");
    visit("notes", self.notes, "what a reader of the scores must know");
  }
};

/// What a cell's scores take from its trained.json, the report of its training.
struct TrainedCell {
  std::int64_t steps = 0;
  double seconds = 0;
  std::string precision{};
};

/// failed.json: why the processes of one start leave a cell alone.
struct CellFailure {
  std::string start{};  ///< CompareOptions::start
  ErrorKind kind = ErrorKind::internal;
  std::string error{};

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("start", self.start, "of the process in which the cell failed");
    visit("kind", self.kind, "of the error");
    visit("error", self.error, "what went wrong");
  }
};

/// Whether scores that were made with the options `stored` of evaluate, by this version or an
/// earlier one, are those of `evaluate`. Options of files count nothing: held-out slices are none.
bool are_same_rules(const Json& stored, const Json& evaluate);

/// cell.json, result.json, trained.json, failed.json and steps/step_N.json as they are read again;
/// bad_data naming `source`, the file, for what is none.
CellIdentity cell_identity_of(const Json& json, const std::string& source);
CellResult cell_result_of(const Json& json, const std::string& source);
TrainedCell trained_cell_of(const Json& json, const std::string& source);
CellFailure cell_failure_of(const Json& json, const std::string& source);
/// None of a step that was scored with other options than `evaluate`.
std::map<std::string, double> step_scores_of(const Json& json, const Json& evaluate,
                                             const std::string& source);

/// Writes one of them; whoever reads it sees all of it or what was there before.
void write_record(const std::filesystem::path& path, const Json& json);

}  // namespace retina::pipeline
