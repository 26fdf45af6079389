#include "retina/pipeline/compare/compare_grid.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"
#include "retina/core/problem_list.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/trainer/optimizer.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// What the user gave, from the weakest to the strongest; then what the grid decides.
Json given_options(const CompareOptions& grid, const ComparedDataset& dataset,
                   const ComparedInit& init) {
  Json given = {{"validation", {{"choose", "last"}}}};
  for (const Json* layer : {&dataset.config, &grid.finetune, &dataset.finetune, &init.finetune}) {
    given = core::merge(std::move(given), *layer);
  }
  given["output"] = grid.output;  // of each cell later
  given["init"] = init.is_random() ? "" : init.model;
  given["transfer"] = core::enum_name(init.is_random() ? net::TransferScope::none : init.transfer);
  given["freeze"] = init.freeze;
  given["device"] = grid.device;
  given["threads"] = grid.threads;
  given["resume"] = false;
  given["overwrite"] = false;
  given["dry_run"] = false;
  if (!grid.checkpoints.empty()) {
    given["validation"]["at"] = grid.checkpoints;
    given["validation"]["every"] = 0;
  }
  return given;
}

/// usage error for what compares nothing, or not on equal terms.
void require_comparable(const FinetuneOptions& options) {
  const char* const one_training = "one data set and one training in each cell";
  const char* const remedy = "leave it out of the configuration";
  ProblemList problems;
  problems.require(options.validates(), "validation.data", "no held-out images",
                   "slices that score the run");
  problems.require(options.more_data.empty(), "more_data", "it is set", one_training, remedy);
  problems.require(!options.leave_one_region_out, "leave_one_region_out", "it is set", one_training,
                   remedy);
  problems.require(!options.tune_threshold, "tune_threshold", "it is set",
                   "the threshold 0.5: another would be chosen on the slices that are scored",
                   remedy);
  throw_if_any(ErrorKind::usage, "a cell of the grid", problems.take());
}

FinetuneOptions options_of(const CompareOptions& grid, const ComparedDataset& dataset,
                           const ComparedInit& init, const core::Context& context) {
  auto options = core::options_from_json<FinetuneOptions>(
      resolve_finetune(given_options(grid, dataset, init), context));
  require_comparable(options);
  return options;
}

struct OpenedSets {
  std::int64_t training_slices = 0;
  data::Dataset held_out{};
};
/// Data that were opened already, by the options of both sets.
using OpenedData = std::map<std::string, OpenedSets>;

/// Opens the training and the held-out data, unless another row has the same. Without a word: what
/// there is to say of the images, their training says.
const OpenedSets& opened_sets(const FinetuneOptions& options, OpenedData& opened) {
  const int ids = static_cast<int>(options.classes.size()) + 1;
  const Json both = Json::array({core::options_to_json(options.training_data()),
                                 core::options_to_json(options.held_out_data({})), ids});
  const auto [known, is_new] = opened.try_emplace(core::dump_json(both));
  if (is_new) {
    const core::Context silent = core::silent_context();
    const data::Dataset training = open_dataset(options.training_data(), ids, silent);
    known->second.held_out = open_dataset(options.held_out_data(training.range), ids, silent);
    known->second.training_slices = static_cast<std::int64_t>(training.slices.size());
  }
  return known->second;
}

/// Held-out images of one plane, where there are several.
std::size_t lone_planes(const data::Dataset& held_out, const std::vector<data::Slice>& slices) {
  std::set<int> flat;
  for (const data::Slice& slice : slices) {
    if (held_out.volumes[static_cast<std::size_t>(slice.volume)].image->shape()[0] == 1) {
      flat.insert(slice.volume);
    }
  }
  return flat.size() > 1 ? flat.size() : 0;
}

/// usage error where the held-out slices are to be scored as volumes and are none, or have gaps:
/// single images would be scored one by one without a word, gaps refused by every cell when it is
/// validated.
void require_volumes(const FinetuneOptions& options, const data::Dataset& held_out) {
  const std::vector<data::Slice> slices =
      evenly_spaced(held_out.slices, options.validation.max_slices);
  ProblemList problems;
  const std::size_t lone = lone_planes(held_out, slices);
  problems.require(lone == 0, "evaluate.volume",
                   fmt::format("{} held-out images of one plane each", lone),
                   "the planes of a volume",
                   "set validation.data.folder: stack, or leave evaluate.volume out: each plane is "
                   "an image then");
  const auto gap = std::adjacent_find(
      slices.begin(), slices.end(), [](const data::Slice& a, const data::Slice& b) {
        return a.volume == b.volume && a.axis == 0 && b.axis == 0 && b.index != a.index + 1;
      });
  if (gap != slices.end()) {
    problems.require(false, "evaluate.volume",
                     fmt::format("held-out planes that do not adjoin ({}, then {})",
                                 data::describe(held_out, *gap), data::describe(held_out, gap[1])),
                     "every plane of a volume, or of a part of it",
                     "set validation.max_slices: 0 and validation.data.every: 1, or leave "
                     "evaluate.volume out: each plane is an image then");
  }
  throw_if_any(ErrorKind::usage, "the held-out slices are no volume", problems.take());
}

/// `range` of the planes cut down to the labelled ones.
std::string labelled_range(const std::string& range, std::int64_t labelled) {
  const std::int64_t first =
      data::parse_range(range, std::numeric_limits<std::int64_t>::max()).first;
  return fmt::format("{}:{}", first, first + labelled);
}

/// The runs of one dataset from one initialisation are alike but for seed and labels.
struct CellRow {
  const ComparedInit* init;
  FinetuneOptions options;
  std::string weights;
  std::int64_t slices = 0;  ///< of its training data
};

std::vector<CellRow> rows_of(const CompareOptions& grid, const ComparedDataset& dataset,
                             const core::Context& context) {
  std::vector<CellRow> rows;
  OpenedData opened;
  for (const ComparedInit& init : grid.inits) {
    try {
      CellRow row{
          .init = &init, .options = options_of(grid, dataset, init, context), .weights = {}};
      row.weights = weights_digest(row.options.init);
      const OpenedSets& sets = opened_sets(row.options, opened);
      if (dataset.evaluate.volume) {
        require_volumes(row.options, sets.held_out);
      }
      row.slices = sets.training_slices;
      rows.push_back(std::move(row));
    } catch (const Error& error) {
      throw error.within(fmt::format("dataset {}, init {}", dataset.name, init.name));
    }
  }
  return rows;
}

Cell cell_of(const CompareOptions& grid, const ComparedDataset& dataset, const CellRow& row,
             const LabelAmount& amount) {
  Cell cell{
      .dataset = dataset.name,
      .labels = amount.name(),
      .init = row.init->name,
      .folder = fs::path(grid.output) / "cells" / dataset.name / amount.name() / row.init->name,
      .finetune = row.options,
      .weights = row.weights,
      .evaluate = dataset.evaluate,
      .group = dataset.group};
  if (cell.evaluate.classes.empty()) {
    cell.evaluate.classes = cell.finetune.classes;
  }
  return cell;
}

void check_amount(const Cell& cell, std::int64_t wanted, std::int64_t available) {
  ProblemList problems;
  problems.require(wanted <= available, "labels", std::to_string(wanted),
                   fmt::format("at most {}, the training slices of {}", available, cell.dataset));
  problems.require(cell.finetune.data.axes.size() == 1, "labels",
                   fmt::format("{} of the slices along several axes", cell.labels), "all",
                   "name one axis in data.axes");
  throw_if_any(ErrorKind::usage, "dataset " + cell.dataset, problems.take());
}

/// Entries of labels that come to the same slices make the same cells twice.
void warn_of_equal_amounts(const CompareOptions& grid, const ComparedDataset& dataset,
                           const std::vector<CellRow>& rows, const core::Context& context) {
  for (const CellRow& row : rows) {
    std::map<std::int64_t, std::string> names;  // by number of slices
    for (const LabelAmount& amount : grid.labels) {
      const std::int64_t slices = amount.of(row.slices);
      const auto [known, is_new] = names.try_emplace(slices, amount.name());
      if (!is_new) {
        context.log->warn(
            "dataset {}: labels: {} and {} are both {} of {} slices: the same runs are trained "
            "twice",
            dataset.name, known->second, amount.name(), slices, row.slices);
        return;
      }
    }
  }
}

/// usage error for patterns of frozen tensors that fit none, which every cell would meet. A network
/// is made for its names alone, once for all cells that have the same.
void require_fitting_patterns(const std::vector<Cell>& cells) {
  std::set<std::string> known;
  for (const Cell& cell : cells) {
    const std::vector<std::string> patterns = cell.finetune.frozen(net::TransferScope::none);
    const Json network = core::options_to_json(cell.finetune.network);
    if (patterns.empty() ||
        !known.insert(core::dump_json(Json::array({network, Json(patterns)}))).second) {
      continue;
    }
    const auto parameters = net::make_network("transunet", network)->named_parameters();
    ProblemList problems;
    for (const std::string& pattern : patterns) {
      const bool fits = std::any_of(
          parameters.begin(), parameters.end(),
          [&](const auto& parameter) { return trainer::name_matches(parameter.key(), pattern); });
      problems.require(fits, "freeze", "'" + pattern + "', which no tensor's name starts with",
                       "a beginning such as transformer.encoder, or a pattern with *");
    }
    throw_if_any(ErrorKind::usage, fmt::format("dataset {}, init {}", cell.dataset, cell.init),
                 problems.take());
  }
}

void add_dataset(std::vector<Cell>& cells, const CompareOptions& grid,
                 const ComparedDataset& dataset, const core::Context& context) {
  const std::vector<CellRow> rows = rows_of(grid, dataset, context);
  warn_of_equal_amounts(grid, dataset, rows, context);
  for (const LabelAmount& amount : grid.labels) {
    for (const std::uint64_t seed : grid.seeds) {
      for (const CellRow& row : rows) {
        Cell cell = cell_of(grid, dataset, row, amount);
        if (!amount.is_all()) {
          const std::int64_t wanted = amount.of(row.slices);
          check_amount(cell, wanted, row.slices);
          cell.finetune.data.slices = labelled_range(cell.finetune.data.slices, wanted);
        }
        cell.seed = seed;
        cell.folder /= fmt::format("seed{}", seed);
        cell.finetune.seed = seed;
        cell.finetune.output = cell.run().string();
        cells.push_back(std::move(cell));
      }
    }
  }
}

}  // namespace

std::vector<Cell> expand_grid(const CompareOptions& options, const core::Context& context) {
  std::vector<Cell> cells;
  for (const ComparedDataset& dataset : options.datasets) {
    add_dataset(cells, options, dataset, context);
  }
  require_fitting_patterns(cells);
  return cells;
}

void warn_of_clocks(const std::vector<Cell>& cells, const core::Context& context) {
  std::set<std::string> told;
  for (const Cell& cell : cells) {
    const double limit = cell.finetune.max_seconds;
    if (limit > 0 && told.insert(cell.dataset).second) {
      context.log->warn(
          "dataset {}: max_seconds is {}: each run ends at a step of its own, so that most points "
          "of a curve are of one seed; set finetune.max_seconds: 0 and finetune.steps",
          cell.dataset, limit);
    }
  }
}

}  // namespace retina::pipeline
