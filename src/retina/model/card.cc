#include "retina/model/card.h"

#include <utility>

#include <fmt/format.h>

#include "retina/core/json_text.h"

namespace retina::core {

template <>
struct JsonBinding<Vec3d> {
  static Json write(const Vec3d& value) { return Json{value[0], value[1], value[2]}; }
  static void read(Vec3d& out, const Json& json, const std::string& where) {
    if (!json.is_array() || json.size() != 3) {
      fail_value(where, json, "three numbers z, y, x in nanometres");
    }
    for (std::size_t i = 0; i < 3; ++i) {
      from_json_value(out[i], json[i], where);
    }
  }
};

}  // namespace retina::core

namespace retina::model {

namespace {

constexpr int kVersion = 1;

/// The card as the option visitor sees it.
struct BoundCard : Card {
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("version", self.version, "of this format");
    visit("name", self.name, "preset or name given by the user");
    visit("network", self.network, "kind of network");
    visit("network_options", self.network_options, "its shape");
    visit("classes", self.classes, "id and name of each class, background first");
    visit("preprocess", self.preprocess, "from stored values to network inputs");
    visit("voxel_nm_seen", self.voxel_nm_seen, "z, y, x of the training images");
    visit("threshold", self.threshold, "of the sigmoid of one-class models");
    visit("postprocess", self.postprocess, "what is done to labels after the network");
    visit("provenance", self.provenance, "how it was made");
    visit("metrics", self.metrics, "how good it was");
    visit("licence", self.licence, "of the weights");
  }

  std::vector<Problem> validate() const {
    std::vector<Problem> problems;
    for (std::size_t i = 0; i < classes.size(); ++i) {
      if (std::cmp_not_equal(classes[i].id, i)) {
        problems.push_back({.subject = fmt::format("classes[{}].id", i),
                            .found = std::to_string(classes[i].id),
                            .expected = fmt::format("{}: ids count up from 0", i)});
      }
    }
    if (!(preprocess.std > 0)) {
      problems.push_back({.subject = "preprocess.std",
                          .found = fmt::format("{}", preprocess.std),
                          .expected = "more than 0"});
    }
    if (!(threshold > 0 && threshold < 1)) {
      problems.push_back({.subject = "threshold",
                          .found = fmt::format("{}", threshold),
                          .expected = "between 0 and 1"});
    }
    const std::vector<Problem> of_labels = postprocess.validate();
    problems.insert(problems.end(), of_labels.begin(), of_labels.end());
    return problems;
  }
};

/// Before anything else: what a newer version added would be an unknown key.
void require_known_version(const Json& json) {
  if (!json.is_object() || json["version"] == kVersion) {
    return;
  }
  throw Error(ErrorKind::bad_data, Problem{.subject = "version",
                                           .found = core::dump_json(json["version"]),
                                           .expected = std::to_string(kVersion),
                                           .remedy = "use the release of retina that wrote it"});
}

}  // namespace

std::vector<std::string> foreground_names(const Card& card) {
  std::vector<std::string> names;
  for (const ClassInfo& info : card.classes) {
    if (info.id != 0) {
      names.push_back(info.name);
    }
  }
  return names;
}

std::string licence_text(const Card& card) {
  return card.licence.empty() ? "not stated" : card.licence;
}

Json to_json(const Card& card) {
  return core::options_to_json(BoundCard{card});
}

Card card_from_json(const Json& json, const std::string& source) {
  try {
    std::vector<Problem> missing;
    for (const char* key : {"version", "network", "network_options", "classes", "preprocess"}) {
      if (json.is_object() && !json.contains(key)) {
        missing.push_back({.subject = key, .found = "it is missing"});
      }
    }
    throw_if_any(ErrorKind::bad_data, "not a complete model card", missing);
    require_known_version(json);
    return core::options_from_json<BoundCard>(json);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, fmt::format("model card '{}': {}", source, error.what()));
  }
}

}  // namespace retina::model
