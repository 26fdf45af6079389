#include "retina/pipeline/run/rank_identity.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"

namespace retina::pipeline {
namespace {

constexpr std::size_t kComparedPlanes = 8;
constexpr std::size_t kShownCharacters = 80;

/// The same for equal pixels, in one build of the program.
std::size_t hash_of(const core::Array& plane) {
  const auto bytes = plane.bytes();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Images and labels of planes spread over the dataset.
Json planes_of(const data::Dataset& dataset) {
  Json planes = Json::object();
  const std::size_t count = dataset.slices.size();
  const std::size_t step = std::max<std::size_t>(1, count / kComparedPlanes);
  for (std::size_t i = 0; i < count; i += step) {
    const data::Slice& slice = dataset.slices[i];
    const data::LabelledPlane plane = data::read_plane(dataset, slice);
    Json& hashes = planes[data::describe(dataset, slice)];
    hashes["image"] = hash_of(plane.image);
    if (plane.labels.elements() > 0) {
      hashes["labels"] = hash_of(plane.labels);
    }
  }
  return planes;
}

Json identity_of(const data::Dataset& dataset) {
  Json volumes = Json::object();
  for (const data::LabelledVolume& volume : dataset.volumes) {
    const core::Vec3& shape = volume.image->shape();
    volumes[volume.name] = {shape[0], shape[1], shape[2]};
  }
  return {{"volumes", std::move(volumes)},
          {"slices", dataset.slices.size()},
          {"planes", planes_of(dataset)}};
}

std::string shown(const Json& value) {
  const std::string text = value.is_discarded() ? "missing" : core::dump_json(value);
  return text.size() <= kShownCharacters ? text : text.substr(0, kShownCharacters) + "...";
}

Json at_or_missing(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found == object.end() ? Json(Json::value_t::discarded) : *found;
}

}  // namespace

Json rank_identity(Json config, const RunData& data) {
  config.erase("device");
  config.erase("threads");
  Json identity = Json::object();
  identity["training data"] = identity_of(*data.training);
  if (data.held_out != nullptr) {
    identity["held-out data"] = identity_of(*data.held_out);
  }
  identity["configuration"] = std::move(config);
  return identity;
}

std::optional<Difference> first_difference(const Json& left, const Json& right) {
  if (left == right) {
    return std::nullopt;
  }
  if (!left.is_object() || !right.is_object()) {
    return Difference{.key = {}, .left = shown(left), .right = shown(right)};
  }
  Json keys = left;
  keys.update(right);
  for (const auto& [key, unused] : keys.items()) {
    if (auto found = first_difference(at_or_missing(left, key), at_or_missing(right, key))) {
      found->key = found->key.empty() ? key : key + "." + found->key;
      return found;
    }
  }
  return std::nullopt;
}

void require_same_identity(trainer::Ranks& ranks, const Json& identity) {
  if (ranks.alone()) {
    return;
  }
  const std::vector<std::string> all = ranks.gather(core::dump_json(identity));
  const Json first = Json::parse(all[0]);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    if (const auto found = first_difference(first, Json::parse(all[rank]))) {
      throw Error(ErrorKind::usage,
                  Problem{.subject = ranks.name(static_cast<std::int64_t>(rank)),
                          .found = fmt::format("{} = {}", found->key, found->right),
                          .expected = fmt::format("{}, as on {}", found->left, ranks.name(0)),
                          .remedy = "start all ranks with the same command and the same data"});
    }
  }
}

}  // namespace retina::pipeline
