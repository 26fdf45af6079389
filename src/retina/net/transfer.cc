#include "retina/net/transfer.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/json_text.h"
#include "retina/core/problem_list.h"
#include "retina/net/weights.h"

namespace retina::net {
namespace {

constexpr std::string_view kHead = "segmentation_head.";
constexpr std::string_view kFinal = "FinalDecoder.";
constexpr const char* kNetworkKey = "retina.network";  ///< in the metadata of a file
constexpr const char* kTable = "transformer.embeddings.position_embeddings";
constexpr const char* kImagenetQuery =
    "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel";

bool is_buffer_name(const std::string& name) {
  return name.ends_with(".running_mean") || name.ends_with(".running_var") ||
         name.ends_with(".num_batches_tracked");
}

bool in_scope(const std::string& name, TransferScope scope) {
  switch (scope) {
    case TransferScope::transformer:
      return name.starts_with("transformer.");
    case TransferScope::encoder:
      return name.starts_with("transformer.encoder.");
    case TransferScope::all:
      return true;
    default:
      return false;
  }
}

/// Tokens along a side of a position table; 0 if it is none.
std::int64_t grid_side(const at::Tensor* table_1TH) {
  if (table_1TH == nullptr || table_1TH->dim() != 3) {
    return 0;
  }
  const auto side = std::llround(std::sqrt(static_cast<double>(table_1TH->size(1))));
  return side * side == table_1TH->size(1) ? side : 0;
}

/// One transfer under way.
class Mover {
 public:
  Mover(const tensor::NamedTensors& state, TransferScope scope)
      : state_(state), scope_(scope), restoration_(is_restoration_state(state)) {}

  void visit(const std::string& name, at::Tensor target, bool is_parameter) {
    const auto keep = [&](const std::string& reason) {
      if (is_parameter) {
        report_.tensors.push_back({name, Fate::reinitialised, target.numel(), reason});
      }
    };
    if (!in_scope(name, scope_)) {
      keep("");
      return;
    }
    const at::Tensor* found = state_.find(name);
    if (name.starts_with(kHead) && restoration_) {
      keep("never trained there");
      return;
    }
    if (name.starts_with(kHead) && (found == nullptr || found->sizes() != target.sizes())) {
      keep(found == nullptr ? "absent there" : "another number of classes there");
      other_head_ = true;
      return;
    }
    if (name.starts_with(kFinal) && found == nullptr) {
      keep("absent there");
      return;
    }
    problems_.require(found != nullptr, name, "missing", shape_text(target));
    if (found == nullptr) {
      return;
    }
    problems_.require(found->sizes() == target.sizes(), name, "shape " + shape_text(*found),
                      shape_text(target));
    copies_.push_back({.name = name, .target = target, .value = *found});
    used_.insert(name);
    if (is_parameter) {
      report_.tensors.push_back({name, Fate::moved, target.numel(), ""});
    }
  }

  TransferReport finish(const std::string& source) {
    copy_weights(copies_, problems_.take(), source,
                 "choose the preset or network options of these weights, or a narrower --transfer: "
                 "all, transformer, encoder");
    for (const auto& [name, tensor] : state_.tensors) {
      if (!used_.contains(name) && !is_buffer_name(name)) {
        report_.tensors.push_back({name, Fate::ignored, tensor.numel(), ""});
      }
    }
    if (other_head_) {
      report_.notes.push_back(
          fmt::format("{}: its head has other classes, so the head starts anew", source));
    }
    return std::move(report_);
  }

 private:
  const tensor::NamedTensors& state_;
  TransferScope scope_;
  bool restoration_;
  bool other_head_ = false;
  ProblemList problems_;
  TransferReport report_;
  std::set<std::string> used_;
  std::vector<WeightCopy> copies_;
};

const at::Tensor& require_tensor(const tensor::NamedTensors& state, const std::string& name,
                                 std::int64_t dimensions, const std::string& source) {
  const at::Tensor* found = state.find(name);
  if (found == nullptr || found->dim() != dimensions) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = source,
                        .found = (found == nullptr ? "no tensor " : "an odd shape of ") + name,
                        .expected = "weights of a 2D TransUNet",
                        .remedy = {}});
  }
  return *found;
}

/// The number of consecutive names PREFIX{first}SUFFIX.
int count_from(const tensor::NamedTensors& state, int first, const std::string& prefix,
               const std::string& suffix) {
  int count = 0;
  while (state.find(fmt::format("{}{}{}", prefix, first + count, suffix)) != nullptr) {
    ++count;
  }
  return count;
}

}  // namespace

bool has_decoder(const tensor::NamedTensors& state) {
  return state.find("decoder.conv_more.0.weight") != nullptr;
}

bool is_restoration_state(const tensor::NamedTensors& state) {
  return std::any_of(state.tensors.begin(), state.tensors.end(),
                     [](const auto& entry) { return entry.first.starts_with(kFinal); });
}

FittedState fitted_to_grid(const torch::nn::Module& network, const tensor::NamedTensors& state,
                           const std::string& source) {
  const auto parameters = network.named_parameters();
  const std::int64_t side = grid_side(parameters.find(kTable));
  const std::int64_t old_side = grid_side(state.find(kTable));
  if (side == 0 || old_side == 0 || side == old_side) {
    return {.state = state, .note = {}};
  }
  return {.state = with_grid(state, side),
          .note = fmt::format("{}: position table resampled from {} x {} to {} x {}", source,
                              old_side, old_side, side, side)};
}

TransferReport transfer_weights(torch::nn::Module& network, const tensor::NamedTensors& state,
                                TransferScope scope, const std::string& source) {
  const FittedState fitted = fitted_to_grid(network, state, source);
  Mover mover(fitted.state, scope);
  for (const auto& item : network.named_parameters()) {
    mover.visit(item.key(), item.value(), true);
  }
  for (const auto& item : network.named_buffers()) {
    mover.visit(item.key(), item.value(), false);
  }
  TransferReport report = mover.finish(source);
  if (!fitted.note.empty() && in_scope(kTable, scope)) {
    report.notes.push_back(fitted.note);
  }
  return report;
}

TransUNetOptions options_of_weights(const tensor::NamedTensors& state, TransUNetOptions base,
                                    const std::string& source) {
  const auto size = [&](const std::string& name, std::int64_t dimensions, std::int64_t axis) {
    return static_cast<int>(require_tensor(state, name, dimensions, source).size(axis));
  };
  const std::string body = "transformer.embeddings.hybrid_model.body.block";
  const std::string layer = "transformer.encoder.layer.";
  base.hidden = size(kTable, 3, 2);
  const std::int64_t side = grid_side(state.find(kTable));
  if (side > 0) {
    base.window = static_cast<int>(side) * 16 * base.pixel_stride;
  }
  base.mlp = size(layer + "0.ffn.fc1.weight", 2, 0);
  base.layers = count_from(state, 0, layer, ".attention_norm.weight");
  base.width_factor = size("transformer.embeddings.hybrid_model.root.conv.weight", 4, 0) / 64.0;
  base.resnet_units.clear();
  for (const char* block : {"1", "2", "3"}) {
    base.resnet_units.push_back(count_from(state, 1, body + block + ".unit", ".conv1.weight"));
  }
  if (!has_decoder(state)) {
    return base;
  }
  base.decoder_head_channels = size("decoder.conv_more.0.weight", 4, 0);
  base.decoder_channels.clear();
  for (int i = 0; i < 4; ++i) {
    base.decoder_channels.push_back(
        size("decoder.blocks." + std::to_string(i) + ".conv2.0.weight", 4, 0));
  }
  base.classes = size("segmentation_head.0.weight", 4, 0);
  base.tail =
      is_restoration_state(state) ? TransUNetTail::reconstruction : TransUNetTail::segmentation;
  return base;
}

Json told_by_imagenet(const std::map<std::string, std::vector<std::int64_t>>& shapes) {
  const auto query = shapes.find(kImagenetQuery);
  const bool tells = query != shapes.end() && query->second.size() == 3;
  return tells ? Json{{"heads", query->second[1]}} : Json::object();
}

void tell_network(tensor::NamedTensors& state, const Json& options) {
  state.metadata[kNetworkKey] = core::dump_json(options);
}

Json told_network(const std::map<std::string, std::string>& metadata, const std::string& source) {
  const auto found = metadata.find(kNetworkKey);
  if (found == metadata.end()) {
    return Json::object();
  }
  const Json options = core::try_parse_json(found->second).value_or(Json());
  try {
    TransUNetOptions checked;
    core::from_json_value(checked, options, kNetworkKey);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_data, error.what()).within(source);
  }
  return options;
}

}  // namespace retina::net
