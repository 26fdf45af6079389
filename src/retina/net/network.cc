#include "retina/net/network.h"

#include <array>

#include <fmt/format.h>

#include "retina/core/options.h"
#include "retina/net/transunet.h"

namespace retina::net {
namespace {

struct Preset {
  const char* name;
  TransUNetOptions options;
};

/// The published networks, and two of our own for small machines: the same structure with fewer
/// channels and layers. retina-tiny works on means of 2 x 2 pixels, so that a crop shows four times
/// the tissue for the same work.
const std::array<Preset, 4>& presets() {
  static const std::array<Preset, 4> table{{
      {"retina", {}},
      {"retina-imagenet", {.hidden = 768, .mlp = 3072}},
      {"retina-small",
       {.window = 192,
        .hidden = 128,
        .mlp = 512,
        .heads = 8,
        .layers = 8,
        .resnet_units = {2, 3, 4},
        .width_factor = 0.5,
        .decoder_head_channels = 256,
        .decoder_channels = {128, 64, 32, 16},
        .foreground_prior = 0.1}},
      {"retina-tiny",
       {.window = 384,
        .hidden = 96,
        .mlp = 384,
        .heads = 6,
        .layers = 4,
        .resnet_units = {1, 1, 2},
        .width_factor = 0.5,
        .decoder_head_channels = 96,
        .decoder_channels = {64, 32, 16, 8},
        .pixel_stride = 2,
        .foreground_prior = 0.1}},
  }};
  return table;
}

[[noreturn]] void fail_unknown(const std::string& what, const std::string& name,
                               const std::vector<std::string>& known) {
  throw Error(ErrorKind::usage, Problem{.subject = fmt::format("{} '{}'", what, name),
                                        .found = "unknown",
                                        .remedy = core::suggestion(name, known)});
}

}  // namespace

std::vector<LayerGroup> DenseNetwork::layer_groups() {
  return {{.name = "network", .prefixes = {""}, .forward = [this](const Flow& flow) {
             return Flow{.x = forward(flow.x)};
           }}};
}

std::shared_ptr<DenseNetwork> make_network(const std::string& name, const Json& options) {
  if (name == "transunet") {
    return std::make_shared<TransUNet>(core::options_from_json<TransUNetOptions>(options));
  }
  fail_unknown("network", name, {"transunet"});
}

Json preset_network(const std::string& preset, int classes) {
  for (const Preset& known : presets()) {
    if (preset == known.name) {
      TransUNetOptions options = known.options;
      options.classes = classes;
      return core::options_to_json(options);
    }
  }
  fail_unknown("preset", preset, preset_names());
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& known : presets()) {
    names.emplace_back(known.name);
  }
  return names;
}

}  // namespace retina::net
