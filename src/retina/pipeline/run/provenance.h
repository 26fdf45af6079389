#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "retina/core/json.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"
#include "retina/model/card.h"
#include "retina/pipeline/run/training_options.h"

namespace retina::pipeline {

/// Digest of the weights that a training starts from: of the file, which in a model or run folder
/// is its weights.safetensors. Empty for none.
std::string weights_digest(const std::string& init);

/// `options` of a training without those that do not change what it learns: where and on what it
/// runs, what it keeps, and how its model is worded. First weights count by their content alone.
Json effective_options(Json options);

/// One source of data as the configuration names it, with the number of its slices.
Json source_record(const data::DataOptions& source, std::size_t slices);

/// What tells data from others of the same names.
struct DataDigest {
  std::string value{};
  std::int64_t planes_read = 0;  ///< whose pixels count
  std::int64_t planes = 0;
};

/// Of images that may be too many to read: sizes and types of all, and the pixels of planes evenly
/// spaced among them, some 32 MiB.
DataDigest sampled_digest(const data::Dataset& dataset);

/// Records in RUN/data.json which data a new run is of. bad_data where a run that `resumes` was
/// begun with others: its next samples would not be those that the steps so far leave out.
void require_same_data(const std::filesystem::path& run, const DataDigest& data, bool resumes);

/// What a training run starts from.
struct RunInputs {
  Json config = Json::object();  ///< all options
  Json sources = Json::array();  ///< source_record() of each
  DataDigest data{};
  std::filesystem::path run{};  ///< its folder, where what was moved is recorded
};

/// The card of a model that a run makes, as far as the user words it.
model::Card worded_card(const TrainingOptions& options, const std::string& preset);

/// For that card: the run's data, digests of data, configuration and first weights, and
/// the program. The same after a resume, even where the first weights are gone.
Json provenance_of(const RunInputs& inputs);

/// A table of a card for people: "key  value" lines, each `indent` spaces in, deeper ones below
/// their key.
std::string table_lines(const Json& table, std::size_t indent);

}  // namespace retina::pipeline
