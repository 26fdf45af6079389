#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare.h"
#include "retina/pipeline/compare/compare_grid.h"
#include "retina/pipeline/compare/compare_options.h"
#include "retina/pipeline/finetune/finetune_test_data.h"

namespace retina::pipeline {

/// A grid of 1 dataset x 2 amounts of labels x 1 seed x 2 initialisations, whose runs take two
/// steps, with its data in `folder` and its output in folder/out.
inline Json toy_grid(const std::filesystem::path& folder) {
  Json config = toy_run(folder);
  config.erase("device");
  config.erase("threads");
  const Json random{{"name", "random"}};
  const Json pretrained{
      {"name", "pretrained"}, {"model", write_pretrained(folder)}, {"transfer", "transformer"}};
  const Json dataset{{"name", "toy"}, {"config", std::move(config)}};
  return {{"output", (folder / "out").string()},
          {"datasets", Json::array({dataset})},
          {"inits", Json::array({random, pretrained})},
          {"seeds", {7}},
          {"labels", {1, "all"}},
          {"checkpoints", {1}},
          {"finetune", {{"steps", 2}}},
          {"device", "cpu"},
          {"threads", 1}};
}

/// Its two cells of one labelled slice, random weights first; a report without pictures.
inline Json two_cell_grid(const std::filesystem::path& folder) {
  Json grid = toy_grid(folder);
  grid["labels"] = {1};
  grid["pictures"] = false;
  return grid;
}

/// The one of random weights.
inline Json one_cell_grid(const std::filesystem::path& folder) {
  Json grid = two_cell_grid(folder);
  grid["inits"].erase(1);
  return grid;
}

inline std::vector<Cell> toy_cells(const Json& grid) {
  return expand_grid(core::options_from_json<CompareOptions>(grid), core::silent_context());
}

/// The cell of that number of a grid, begun and no more.
inline Cell begun_cell(const Json& grid, std::size_t index = 0) {
  Cell cell = toy_cells(grid).at(index);
  std::filesystem::create_directories(cell.folder);
  write_record(cell.identity_file(), cell.identity());
  return cell;
}

inline CompareReport run_grid(const Json& grid,
                              const core::Context& context = core::silent_context()) {
  return compare(core::options_from_json<CompareOptions>(grid), context);
}

/// The error that something ended with; of no kind where there was none.
struct Refusal {
  std::optional<ErrorKind> kind{};
  std::string text = "accepted";
};
template <class Body>
Refusal refusal_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return {.kind = error.kind(), .text = error.what()};
  }
  return {};
}

inline std::string error_of_grid(const Json& grid,
                                 const core::Context& context = core::silent_context()) {
  return refusal_of([&] { run_grid(grid, context); }).text;
}

/// Gives the second initialisation held-out labels that are grey values, of no class: its trainings
/// fail where they read them. The file of the labels.
inline std::filesystem::path spoil_pretrained(Json& grid, const std::filesystem::path& folder) {
  std::filesystem::path labels = folder / "spoiled/masks/slice3.png";
  write_toy_png(folder / "spoiled/images/slice3.png", 80, 3, false);
  write_toy_png(labels, 80, 3, false);
  grid["inits"][1]["finetune"]["validation"]["data"]["path"] = (folder / "spoiled").string();
  return labels;
}

}  // namespace retina::pipeline
