#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/net/transfer.h"
#include "retina/pipeline/evaluate/evaluate.h"

namespace retina::pipeline {

/// How many of the training slices of a dataset are labelled: the first few, or a share of them.
/// In a configuration: 3, "25%" or "all".
struct LabelAmount {
  std::int64_t slices = 0;  ///< 0: by share
  int percent = 100;

  std::string name() const;  ///< "3", "25%", "all"
  bool is_all() const { return slices == 0 && percent == 100; }
  /// Slices of `available` ones, at least 1; may be more than there are.
  std::int64_t of(std::int64_t available) const;
};

/// One dataset of the grid.
struct ComparedDataset {
  std::string name;
  Json config = Json::object();    ///< of a finetune run: data, validation, classes, ...
  Json finetune = Json::object();  ///< lies over the grid's
  EvaluateOptions evaluate{};      ///< how the held-out slices are scored
  std::string group{};             ///< of datasets whose mean is shown too

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "names its folder and its rows");
    visit("config", self.config, "configuration file of finetune (or its content)");
    visit("finetune", self.finetune, "options of finetune for this dataset alone");
    visit("evaluate", self.evaluate, "options of evaluate; volume: the slices are one volume");
    visit("group", self.group, "datasets of one group have a row of their mean too; empty = none");
  }
};

/// What training starts from.
struct ComparedInit {
  std::string name;
  std::string model;  ///< "" or "none": random weights
  net::TransferScope transfer = net::TransferScope::automatic;
  std::vector<std::string> freeze{};
  Json finetune = Json::object();  ///< lies over everything else

  bool is_random() const { return model.empty() || model == "none"; }

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("name", self.name, "names its folder and its rows");
    visit("model", self.model, "model, run folder or file of weights; none = random weights");
    visit("transfer", self.transfer, "which of its weights, as in finetune");
    visit("freeze", self.freeze, "what is not trained, as in finetune");
    visit("finetune", self.finetune, "options of finetune with these weights alone");
  }
};

/// A grid of fine-tuning runs: datasets x amounts of labels x seeds x initialisations.
struct CompareOptions {
  std::string output;
  std::vector<ComparedDataset> datasets{};
  std::vector<ComparedInit> inits{};
  std::vector<std::uint64_t> seeds = {1234, 92, 1, 2, 3};
  std::vector<LabelAmount> labels = {LabelAmount{}};
  std::vector<std::int64_t> checkpoints{};
  std::vector<std::string> curves = {"iou", "f"};
  Json finetune = Json::object();
  std::string device = "auto";
  int threads = 0;
  int jobs = 1;
  std::string only{};
  std::string start{};
  bool pictures = true;
  bool dry_run = false;
  bool overwrite = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("output", self.output, "folder of the comparison: its cells, tables and report");
    visit("datasets", self.datasets, "what to train on, each with its held-out slices");
    visit("inits", self.inits, "what to start from");
    visit("seeds", self.seeds, "one run for each");
    visit("labels", self.labels, "labelled slices: the first 3, a share such as 25%, all");
    visit("checkpoints", self.checkpoints,
          "steps at which to score, beside the end; empty = as finetune does");
    visit(
        "curves", self.curves,
        "scores that the report shows over the steps: iou, f, precision, recall, mfd, cremi, ...");
    visit("finetune", self.finetune, "options of finetune for all runs, such as steps and batch");
    visit("device", self.device, "auto, cpu, cuda or cuda:1");
    visit("threads", self.threads,
          "CPU threads of the process; 0 = all cores, or its share of them");
    visit("jobs", self.jobs, "processes to share the cells; 0 = one for each GPU");
    visit("only", self.only, "one process's share of the cells, such as 2/8; empty = all");
    visit("start", self.start,
          "id that the processes of one start share, such as $SLURM_ARRAY_JOB_ID: what fails in "
          "one is not tried in the others; --jobs gives its processes one; empty = a new one");
    visit("pictures", self.pictures, "predict best, median and worst slices for the report");
    visit("dry_run", self.dry_run, "list the cells and how far they are");
    visit("overwrite", self.overwrite, "train cells of another configuration anew");
  }
  std::vector<Problem> validate() const;
};

/// `given` with the files that datasets name as their `config` put in the place of the names.
Json resolve_compare(Json given, const std::function<Json(const std::filesystem::path&)>& read);

/// "2/8": every eighth cell, from the second on.
struct CellShare {
  std::size_t number = 1;
  std::size_t of = 1;

  bool holds(std::size_t cell) const { return cell % of + 1 == number; }
};
/// Empty text is everything; usage error for another than K/N with 1 <= K <= N.
CellShare parse_share(const std::string& text);

}  // namespace retina::pipeline

template <>
struct retina::core::JsonBinding<retina::pipeline::LabelAmount> {
  static Json write(const pipeline::LabelAmount& value);
  static void read(pipeline::LabelAmount& out, const Json& json, const std::string& where);
};
