#pragma once

#include <filesystem>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"
#include "retina/model/model.h"
#include "retina/model/tiny_card_for_test.h"
#include "retina/net/network.h"
#include "retina/net/transunet_options.h"
#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// The verb with the options `given`.
inline ModelsReport run_models(const Json& given,
                               const core::Context& context = core::silent_context()) {
  return models(core::options_from_json<ModelsOptions>(resolve_models(given, context)), context);
}

/// A model folder whose card says everything that a card can say.
inline model::Card write_described_model(const std::filesystem::path& folder) {
  model::Card card = model::tiny_card(1, 32);
  card.name = "described";
  card.network_options =
      core::options_to_json(core::options_from_json<net::TransUNetOptions>(card.network_options));
  card.preprocess = {.range = {10, 4000}, .mean = 0.55, .std = 0.19};
  card.voxel_nm_seen.push_back({5, 5, 5});
  card.threshold = 0.4;
  card.postprocess.min_object_size = 30;
  card.provenance = {{"preset", "retina-tiny"}, {"steps", 7}};
  card.metrics = {{"validation_iou", 0.8}};
  card.licence = "CC BY-NC-SA 4.0";
  model::save(folder, card, *net::make_network(card.network, card.network_options));
  return card;
}

}  // namespace retina::pipeline
