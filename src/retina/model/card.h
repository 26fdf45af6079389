#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/model/postprocess.h"
#include "retina/model/preprocess.h"

namespace retina::model {

/// A class of the segmentation.
struct ClassInfo {
  int id = 0;
  std::string name;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("id", self.id, "value in label images");
    visit("name", self.name, "what it is");
  }
  bool operator==(const ClassInfo&) const = default;
};

/// Everything of model.json (design: things on disk). Strict keys; `version` guards the format.
struct Card {
  int version = 1;
  std::string name;  ///< preset or user name
  std::string network = "transunet";
  Json network_options = Json::object();
  std::vector<ClassInfo> classes;  ///< background (id 0) first, ids without gaps
  Preprocess preprocess;
  std::vector<core::Vec3d> voxel_nm_seen;  ///< z,y,x of the training images, where known
  double threshold = 0.5;                  ///< of the sigmoid, one-class models
  Postprocess postprocess;                 ///< what predict does to labels unless told otherwise
  Json provenance = Json::object();        ///< data, steps, seed, hashes, versions
  Json metrics = Json::object();
  std::string licence;
};

/// Names of the classes but the background, by id.
std::vector<std::string> foreground_names(const Card& card);

/// The licence as it is told: "not stated" where the card has none.
std::string licence_text(const Card& card);

Json to_json(const Card& card);

/// bad_data naming `source` for unknown or missing keys, wrong types and values, another version.
Card card_from_json(const Json& json, const std::string& source);

}  // namespace retina::model
