#pragma once

#include <optional>
#include <string>

#include "retina/core/json.h"
#include "retina/data/dataset.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/trainer/ranks.h"

namespace retina::pipeline {

/// The data of a run.
struct RunData {
  const data::Dataset* training;
  const data::Dataset* held_out = nullptr;  ///< null = none
  DataDigest digest{};                      ///< of the training data, where this process leads
};

/// What must be the same on all ranks of a run: its configuration without what may differ between
/// machines (device, threads), and what is seen of its training and held-out data: names, shapes,
/// and the pixels and labels of a few planes.
Json rank_identity(Json config, const RunData& data);

/// The first key, dotted, whose values differ, with both values; none if there is none.
struct Difference {
  std::string key;
  std::string left, right;  ///< "missing", or JSON
};
std::optional<Difference> first_difference(const Json& left, const Json& right);

/// On every rank the same usage error, unless all gave the same: it names the first rank that
/// differs from rank 0, and the key. All ranks call it.
void require_same_identity(trainer::Ranks& ranks, const Json& identity);

}  // namespace retina::pipeline
