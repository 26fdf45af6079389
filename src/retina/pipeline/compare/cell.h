#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "retina/core/json.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/finetune/finetune_options.h"

namespace retina::pipeline {

/// One run of a grid.
struct Cell {
  std::string dataset;
  std::string labels;  ///< LabelAmount::name()
  std::string init;
  std::uint64_t seed = 0;
  std::filesystem::path folder;
  FinetuneOptions finetune;  ///< complete; its output is run()
  std::string weights;       ///< digest of the file that training starts from; empty = random
  EvaluateOptions evaluate{};
  std::string group{};  ///< of its dataset

  std::string name() const;  ///< "vnc, 3 labelled, random, seed 92"
  std::filesystem::path run() const { return folder / "run"; }
  /// What it was begun with, written before anything else; that training has ended; its scores,
  /// written last; why it was given up.
  std::filesystem::path identity_file() const { return folder / "cell.json"; }
  std::filesystem::path trained_file() const { return folder / "trained.json"; }
  std::filesystem::path result_file() const { return folder / "result.json"; }
  std::filesystem::path failure_file() const { return folder / "failed.json"; }
  /// The scores of the weights after some steps, written while it trains.
  std::filesystem::path step_file(std::int64_t step) const;

  /// identity_json() of it.
  Json identity() const;
};

/// All that decides what training gives: options and weights, without where and on what it runs.
Json identity_json(const CellIdentity& identity);

}  // namespace retina::pipeline
