#include "retina/pipeline/compare/cell.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "retina/core/json_text.h"
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

std::vector<std::string> differences(const Json& before, const Json& now) {
  std::map<std::string, std::pair<std::string, std::string>> leaves;  // by path: before, now
  const Json old_leaves = before.flatten();
  const Json new_leaves = now.flatten();
  for (const auto& [path, value] : old_leaves.items()) {
    leaves[path].first = core::dump_json(value);
  }
  for (const auto& [path, value] : new_leaves.items()) {
    leaves[path].second = core::dump_json(value);
  }
  std::vector<std::string> changes;
  for (const auto& [path, values] : leaves) {
    if (values.first != values.second) {
      std::string name = path.substr(path.starts_with("/finetune/") ? 10 : 1);
      std::replace(name.begin(), name.end(), '/', '.');
      const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
      changes.push_back(
          fmt::format("{}: {}, now {}", name, shown(values.first), shown(values.second)));
    }
  }
  return changes;
}

}  // namespace retina::pipeline
