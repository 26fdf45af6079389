#pragma once

#include <filesystem>
#include <string>

#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/pretrain/pretrain.h"

namespace retina::pipeline {

/// Pre-trains with the configuration that `given` makes.
inline PretrainReport run_pretraining(const Json& given,
                                      const core::Context& context = core::silent_context()) {
  return pretrain(core::options_from_json<PretrainOptions>(resolve_pretrain(given, context)),
                  context);
}

/// Configuration of a run of a second on six images of two sizes, in `folder`.
inline Json toy_pretraining(const std::filesystem::path& folder) {
  for (int i = 0; i < 6; ++i) {
    const auto path = folder / "raw" / ("image" + std::to_string(i) + ".png");
    if (!std::filesystem::exists(path)) {
      write_toy_png(path, i < 3 ? 64 : 50, i, false);
    }
  }
  Json network = toy_network();
  network["pixel_stride"] = 1;
  return {{"preset", "retina-tiny"}, {"images", {(folder / "raw").string()}},
          {"network", network},      {"batch", 4},
          {"ghost_batch", 2},        {"steps", 6},
          {"log_every", 1},          {"pictures", 2},
          {"pictures_every", 3},     {"precision", "fp32"},
          {"device", "cpu"},         {"threads", 1}};
}

}  // namespace retina::pipeline
