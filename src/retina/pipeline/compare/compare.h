#pragma once

#include <cstdint>
#include <string>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/compare_options.h"

namespace retina::pipeline {

struct CompareReport {
  std::int64_t cells = 0;
  std::int64_t finished = 0;  ///< in all
  std::int64_t trained = 0;   ///< by this process and its jobs
  std::int64_t scored = 0;    ///< by this process and its jobs
  std::string report{};       ///< report.html; empty in a dry run
  std::string text{};         ///< the tables, or the cells of a dry run
  Json results = Json::object();
};

Json to_json(const CompareReport& report);
std::string to_text(const CompareReport& report);

/// Runs what is missing of a grid of fine-tuning runs and writes report.html, results.csv,
/// curves.csv, results.json and results.md of all finished cells into the output folder. A finished
/// cell is never run again; one that was interrupted, even by kill -9, goes on from its checkpoint.
/// Any number of processes may work on one folder, those of a launcher too: each takes cells that
/// no other holds, and trains them alone. A stop writes these files too, without pictures, before
/// it ends in interrupted. usage error, before anything runs, if the output is a file or a folder
/// of something else, or if a cell was begun with another configuration; one that another process
/// begins so meanwhile is left as it is and counts as failed. Cells that fail do not stop the
/// others; they are listed in the error at the end, with those that failed in another process of
/// the same start, which are not tried again.
CompareReport compare(const CompareOptions& options, const core::Context& context);

}  // namespace retina::pipeline
