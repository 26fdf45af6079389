#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/augment/normalise.h"
#include "retina/core/error.h"
#include "retina/core/intensity.h"
#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/batch.h"
#include "retina/data/dataset.h"
#include "retina/net/network.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/pretrain/pretrain_report.h"
#include "retina/pipeline/pretrain/pretraining_data.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/training_run.h"
#include "retina/report/picture.h"
#include "retina/trainer/task.h"

namespace retina::pipeline {

/// All parts of one run, wired.
class PretrainRun {
 public:
  PretrainRun(const PretrainOptions& options, const core::Context& context)
      : options_(options), run_(options, context) {}
  PretrainReport run();

 private:
  void open_data();
  std::shared_ptr<net::DenseNetwork> make_network();
  trainer::TaskInputs transform(const data::RawBatch& raw) const;
  trainer::TaskInputs first_images() const;
  TrainingHooks hooks();
  void warn_of_horizon(const TrainingHooks& hooks) const;
  void log(const trainer::LoopState& state, Json& values);
  void draw_pictures(std::int64_t step);
  void inspect(const trainer::Inspection& look);
  void keep_model(const trainer::LoopState& state) const;
  TrainingOutcome train();
  PretrainReport report_of(const trainer::LoopState& state, const Json& figures) const;
  void write_page_under_way(const Json& figures);
  void write_page_of_failure(const Error& error) const;
  void write_page(const PretrainReport& report, const std::string& state) const;
  std::size_t image_count() const { return data::volumes_used(*dataset_).size(); }
  std::int64_t epoch_steps() const { return steps_of_epoch(*dataset_, options_); }

  PretrainOptions options_;
  TrainingRun run_;
  std::shared_ptr<const data::Dataset> dataset_;
  RunInputs inputs_;            ///< as the card tells them
  core::IntensityRange range_;  ///< PretrainingImages::range
  augment::Normalisation normalisation_;
  std::shared_ptr<net::DenseNetwork> network_;
  std::optional<TransferSummary> transfer_;  ///< none without other weights, or after a resume
  trainer::TaskInputs probe_;                ///< images of the pictures, always the same
  std::vector<std::vector<report::Picture>> pictures_;
  trainer::LoopState reached_;  ///< when the run was last heard of
  bool has_kept_good_ = false;  ///< the run has: a checkpoint whose output was not constant
};

}  // namespace retina::pipeline
