#include "retina/pipeline/compare/cell.h"

#include <fmt/format.h>

#include "retina/core/options.h"
#include "retina/pipeline/run/provenance.h"

namespace retina::pipeline {

std::string Cell::name() const {
  return fmt::format("{}, {} labelled, {}, seed {}", dataset, labels, init, seed);
}

std::filesystem::path Cell::step_file(std::int64_t step) const {
  return folder / "steps" / fmt::format("step_{:08}.json", step);
}

Json identity_json(const CellIdentity& identity) {
  return {{"finetune", effective_options(core::options_to_json(identity.finetune))},
          {"weights", identity.weights}};
}

Json Cell::identity() const {
  return identity_json({finetune, weights});
}

}  // namespace retina::pipeline
