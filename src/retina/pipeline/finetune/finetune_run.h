#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/model/card.h"
#include "retina/model/model.h"
#include "retina/model/preprocess.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_report.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/finetune/labelled_regions.h"
#include "retina/pipeline/finetune/leave_one_out.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/training_run.h"
#include "retina/trainer/supervised_task.h"

namespace retina::pipeline {

/// All parts of one run, wired.
class FinetuneRun {
 public:
  FinetuneRun(const FinetuneOptions& options, const RunSurroundings& surroundings,
              const core::Context& context)
      : options_(options),
        surroundings_(surroundings),
        run_(options, context, surroundings.place) {}
  FinetuneReport run();

 private:
  /// One more training of `whole`, on other labels: without validation, in a folder of its own.
  FinetuneRun(const FinetuneRun& whole, std::shared_ptr<const data::Dataset> dataset,
              const FinetuneOptions& options, const core::Context& context)
      : options_(options),
        surroundings_{.place = whole.surroundings_.place},
        run_(options, context, whole.surroundings_.place),
        dataset_(std::move(dataset)),
        preprocess_(whole.preprocess_) {}

  void open_data();
  TrainingOutcome train();
  std::shared_ptr<net::DenseNetwork> make_network();
  void build_task(std::shared_ptr<net::DenseNetwork> network);
  model::Card card() const;
  ValidatorSetup validator_setup() const;
  TrainingHooks hooks();
  Validation validate(const trainer::LoopState& state);
  void keep_model(const trainer::LoopState& state);
  double seconds_of_one_training() const;
  LeaveOneOut leave_one_out() const;
  ValidationScores scores_of_kept_model() const;
  FinetuneReport finish(const TrainingOutcome& outcome);
  FinetuneReport report_of(const trainer::LoopState& state) const;
  void write_page(const FinetuneReport& report,
                  const std::optional<ValidationScores>& scores) const;
  void write_page_of_interruption(const Error& error) const;

  FinetuneOptions options_;
  RunSurroundings surroundings_;
  TrainingRun run_;
  std::shared_ptr<const data::Dataset> dataset_;
  std::shared_ptr<const data::Dataset> held_out_;
  RunInputs inputs_;  ///< as the card tells them
  model::Preprocess preprocess_;
  std::vector<LabelledRegion> regions_;  ///< to leave out, one by one
  model::Model start_;                   ///< that they are scored with too
  std::unique_ptr<trainer::SupervisedTask> task_;
  std::unique_ptr<HeldOutValidator> validator_;
  std::optional<TransferSummary> transfer_;  ///< none without other weights, or after a resume
  std::optional<ValidationScores> best_;
  ValidationScores latest_;
  trainer::LoopState reached_;  ///< when the run was last heard of
};

}  // namespace retina::pipeline
