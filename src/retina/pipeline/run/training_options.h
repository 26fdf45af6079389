#pragma once

#include <cstdint>
#include <string>

#include "retina/core/options.h"
#include "retina/core/problem_list.h"
#include "retina/data/sampler.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/tensor/device.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/schedule.h"
#include "retina/trainer/train_loop.h"

namespace retina::pipeline {

/// What every training verb takes: where its run goes, how it optimises, how long, and on what.
struct TrainingOptions {
  std::string output;
  trainer::OptimizerOptions optimizer;
  trainer::ScheduleOptions schedule;
  double average_decay = 0;
  std::int64_t batch = 16;
  data::Shuffle shuffle = data::Shuffle::each_epoch;
  std::int64_t steps = 3000;
  double max_seconds = 0;
  std::int64_t extend_to = 0;
  std::int64_t log_every = 10;
  std::int64_t checkpoint_every = 500;
  trainer::Keep keep = trainer::Keep::best_and_last;
  tensor::Precision precision = tensor::Precision::automatic;
  bool cuda_graph = true;
  std::string device = "auto";
  int threads = 0;
  std::uint64_t seed = 1234;
  bool resume = false;
  bool overwrite = false;
  bool dry_run = false;
  std::string name;         ///< of the model; empty = the preset
  std::string description;  ///< what a user of the model should know
  std::string licence;      ///< of the weights; empty = that of the weights it starts from

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("output", self.output, "run folder to make");
    visit("optimizer", self.optimizer, "optimiser and frozen tensors");
    visit("schedule", self.schedule, "learning rate over the run");
    visit("average_decay", self.average_decay,
          "decay of the mean of the weights over steps, which is validated and kept; 0 = none");
    visit("batch", self.batch, "crops of a training step");
    visit("shuffle", self.shuffle,
          "order of the data: anew in each_epoch, same_each_epoch (the published trainer) or none");
    visit("steps", self.steps, "training steps; 0 = until max_seconds");
    visit("max_seconds", self.max_seconds,
          "time limit of the whole run; the learning rate follows the clock, or in pretrain "
          "max_epochs where that is not 0. 0 = none");
    visit("extend_to", self.extend_to, "with resume: steps of the longer run");
    visit("log_every", self.log_every, "steps between lines of metrics.jsonl");
    visit("checkpoint_every", self.checkpoint_every, "steps between checkpoints; 0 = at the end");
    visit("keep", self.keep, "checkpoints to keep: best_and_last or all");
    visit(
        "cuda_graph", self.cuda_graph,
        "on a CUDA device, note the training step once and repeat it as a whole: faster for small "
        "batches, with equal results");
    visit("precision", self.precision, "auto, fp32, tf32 (CUDA) or bf16");
    visit("device", self.device, "auto, cpu, cuda or cuda:1");
    visit(
        "threads", self.threads,
        "CPU threads that compute; 0 = all cores. Half as many more read ahead, at most 8; with 1 "
        "none does");
    visit("seed", self.seed, "of everything random");
    visit("resume", self.resume, "go on with the run in the output folder");
    visit("overwrite", self.overwrite, "replace an existing run folder");
    visit("dry_run", self.dry_run, "print what would be trained and stop; nothing is written");
    visit("name", self.name, "name of the model; default: the preset");
    visit("description", self.description, "of the model, for its card: data, command");
    visit("licence", self.licence,
          "licence of the model's weights, for its card; default: that of the weights it starts "
          "from");
  }

  /// Adds what is wrong with these.
  void check(ProblemList& problems) const;
};

/// How the process that leads begins the run folder.
RunStart start_of(const TrainingOptions& options);

}  // namespace retina::pipeline
