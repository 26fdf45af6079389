#include "retina/pipeline/models/weights_file.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"
#include "retina/model/model.h"
#include "retina/net/imagenet_weights.h"
#include "retina/net/transfer.h"
#include "retina/net/transunet_options.h"
#include "retina/net/weights.h"
#include "retina/tensor/npz.h"
#include "retina/tensor/torch_file.h"
#include "retina/tensor/zip.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCardKey = "retina.card";  ///< in the metadata of a file

[[noreturn]] void fail_weights(const std::string& path, const std::string& found,
                               const std::string& remedy) {
  throw Error(ErrorKind::bad_data,
              Problem{.subject = fmt::format("weights '{}'", path),
                      .found = found,
                      .expected = "a file of weights: .safetensors, .pt, .pth or .npz",
                      .remedy = remedy});
}

/// A header of JSON, after its length, that ends within the file.
bool looks_like_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() <= sizeof(length) || bytes[sizeof(length)] != std::byte{'{'}) {
    return false;
  }
  std::memcpy(&length, bytes.data(), sizeof(length));
  return length <= bytes.size() - sizeof(length);
}

/// The form of torch before 1.6, whose reader says how to convert it.
bool looks_like_pickle(std::span<const std::byte> bytes) {
  return bytes.size() > 2 && bytes[0] == std::byte{0x80} && bytes[1] <= std::byte{5};
}

WeightsFormat format_by_content(const std::string& path) {
  const core::MappedFile file(path);
  if (looks_like_safetensors(file.bytes())) {
    return WeightsFormat::safetensors;
  }
  if (looks_like_pickle(file.bytes())) {
    return WeightsFormat::torch;
  }
  if (!tensor::looks_like_zip(file.bytes())) {
    fail_weights(path, "a file of something else", "");
  }
  const std::vector<tensor::ZipMember> members = tensor::read_zip(file.bytes(), path);
  const bool is_npz =
      std::any_of(members.begin(), members.end(),
                  [](const tensor::ZipMember& member) { return member.name.ends_with(".npy"); });
  return is_npz ? WeightsFormat::npz : WeightsFormat::torch;
}

/// As tensor::read_npz_shapes() reads them.
std::map<std::string, std::vector<std::int64_t>> shapes_of(const tensor::NamedTensors& arrays) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& [name, array] : arrays.tensors) {
    shapes[name] = array.sizes().vec();
  }
  return shapes;
}

/// False for the JSON of another program that happens to have the name.
bool looks_like_card(const Json& json) {
  return json.is_object() && json.contains("version") && json.contains("network_options");
}

model::Card checked_card(const Json& json, const std::string& source) {
  model::Card card = model::card_from_json(json, source);
  try {
    net::TransUNetOptions network;
    core::from_json_value(network, card.network_options, "network_options");
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, fmt::format("model card '{}': {}", source, error.what()));
  }
  return card;
}

/// In a file of ours that has room for it; none for files of another program.
std::optional<model::Card> card_within(const std::string& path) {
  const auto metadata = tensor::read_safetensors_metadata(path);
  const auto found = metadata.find(kCardKey);
  if (found == metadata.end()) {
    return std::nullopt;
  }
  const std::string source = fmt::format("{}: {}", path, kCardKey);
  return checked_card(core::parse_json(found->second, source), source);
}

/// None where no such file is there, or that of another program.
std::optional<model::Card> card_in_file(const fs::path& file) {
  if (!fs::exists(file)) {
    return std::nullopt;
  }
  const Json json = core::read_json(file);
  return looks_like_card(json) ? std::optional(checked_card(json, file.string())) : std::nullopt;
}

}  // namespace

WeightsFormat weights_format(const std::string& path) {
  if (!fs::exists(path)) {
    fail_weights(path, "it does not exist", "check the path");
  }
  if (fs::is_directory(path)) {
    fail_weights(path, "a folder", "a model folder is used as it is, by --model and --init");
  }
  const std::string extension = fs::path(path).extension().string();
  if (extension == ".safetensors") {
    return WeightsFormat::safetensors;
  }
  if (extension == ".pt" || extension == ".pth") {
    return WeightsFormat::torch;
  }
  return extension == ".npz" ? WeightsFormat::npz : format_by_content(path);
}

tensor::NamedTensors read_weights_file(const std::string& path) {
  const WeightsFormat format = weights_format(path);
  if (format == WeightsFormat::npz) {
    const tensor::NamedTensors arrays = tensor::read_npz(path);
    if (!net::is_imagenet_state(arrays)) {
      return net::plain_names(arrays);
    }
    tensor::NamedTensors state = net::imagenet_weights(arrays, path);
    net::tell_network(state, net::told_by_imagenet(shapes_of(arrays)));
    return state;
  }
  return net::plain_names(format == WeightsFormat::torch ? tensor::read_torch_file(path)
                                                         : tensor::read_safetensors(path));
}

fs::path card_beside(const fs::path& weights) {
  fs::path card = weights;
  card += ".json";
  return card;
}

void tell_card(tensor::NamedTensors& state, const model::Card& card) {
  state.metadata[kCardKey] = core::dump_json(model::to_json(card));
}

std::optional<model::Card> told_card(const std::string& path) {
  const fs::path file = path;
  switch (weights_format(path)) {
    case WeightsFormat::safetensors:
      if (auto card = card_within(path)) {
        return card;
      }
      return file.filename() == model::kWeightsFile
                 ? card_in_file(file.parent_path() / model::kCardFile)
                 : std::nullopt;
    case WeightsFormat::torch:
      return card_in_file(card_beside(file));
    case WeightsFormat::npz:
      break;
  }
  return std::nullopt;
}

}  // namespace retina::pipeline
