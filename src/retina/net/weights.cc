#include "retina/net/weights.h"

#include <cmath>
#include <set>
#include <sstream>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/tensor/not_finite.h"

namespace retina::net {
namespace {

constexpr std::string_view kPositions = "transformer.embeddings.position_embeddings";

/// Live tensors in the order of a Python state dict: a module's own before those of its children.
void collect(const torch::nn::Module& module, const std::string& prefix,
             std::vector<std::pair<std::string, at::Tensor>>& out) {
  for (const auto& parameter : module.named_parameters(false)) {
    out.emplace_back(prefix + parameter.key(), parameter.value());
  }
  for (const auto& buffer : module.named_buffers(false)) {
    out.emplace_back(prefix + buffer.key(), buffer.value());
  }
  for (const auto& child : module.named_children()) {
    collect(*child.value(), prefix + child.key() + ".", out);
  }
}

/// What DataParallel or torch.compile put before `name`; empty if neither did.
std::string_view wrapper_of(std::string_view name) {
  for (const std::string_view prefix : {"module.", "_orig_mod."}) {
    if (name.starts_with(prefix)) {
      return prefix;
    }
  }
  return {};
}

/// As safetensors, numpy and Python's torch call it.
const char* integer_name(at::ScalarType type) {
  switch (type) {
    case at::kByte:
      return "uint8";
    case at::kChar:
      return "int8";
    case at::kShort:
      return "int16";
    case at::kInt:
      return "int32";
    case at::kLong:
      return "int64";
    case at::kBool:
      return "bool";
    default:
      return at::toString(type);
  }
}

/// Quantised weights, say, whose scale is not known here: a cast would make other ones of them.
std::vector<Problem> integers_for_floats(const std::vector<WeightCopy>& copies) {
  std::vector<Problem> problems;
  for (const auto& [name, target, value] : copies) {
    if (target.is_floating_point() && !value.is_floating_point()) {
      problems.push_back({.subject = name,
                          .found = integer_name(value.scalar_type()),
                          .expected = "floating-point numbers",
                          .remedy = {}});
    }
  }
  return problems;
}

/// A cast makes infinities of what is too large for the type of the target.
std::vector<Problem> not_finite_as_cast(const std::vector<WeightCopy>& copies) {
  std::vector<Problem> problems;
  for (const auto& [name, target, value] : copies) {
    const std::string found = tensor::not_finite_text(
        target.is_floating_point() ? value.to(target.scalar_type()) : value);
    if (!found.empty()) {
      problems.push_back(
          {.subject = name, .found = found, .expected = "finite numbers", .remedy = {}});
    }
  }
  return problems;
}

}  // namespace

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

tensor::NamedTensors plain_names(tensor::NamedTensors state) {
  for (auto& [name, tensor] : state.tensors) {
    std::string_view plain = name;
    for (auto found = wrapper_of(plain); !found.empty(); found = wrapper_of(plain)) {
      plain.remove_prefix(found.size());
    }
    name.erase(0, name.size() - plain.size());
  }
  return state;
}

tensor::NamedTensors state_dict(const torch::nn::Module& module) {
  tensor::NamedTensors state;
  collect(module, "", state.tensors);
  for (auto& [name, tensor] : state.tensors) {
    tensor = tensor.detach().to(at::kCPU).clone(at::MemoryFormat::Contiguous);
  }
  return state;
}

void copy_weights(const std::vector<WeightCopy>& copies, const std::vector<Problem>& misfits,
                  const std::string& source, std::string_view misfit_remedy) {
  const at::NoGradGuard no_grad;
  const std::string unusable = fmt::format("weights '{}' cannot be used", source);
  throw_if_any(ErrorKind::bad_data, unusable, integers_for_floats(copies), "save them as float32");
  throw_if_any(ErrorKind::bad_data,
               fmt::format("weights '{}' are those of another network", source), misfits,
               misfit_remedy);
  throw_if_any(ErrorKind::bad_data, unusable, not_finite_as_cast(copies),
               "the file is damaged or its training diverged: choose other weights");
  for (const WeightCopy& copy : copies) {
    copy.target.copy_(copy.value);
  }
}

void load_state_dict(torch::nn::Module& module, const tensor::NamedTensors& state,
                     const std::string& source) {
  std::vector<std::pair<std::string, at::Tensor>> targets;
  collect(module, "", targets);
  const tensor::NamedTensors plain = plain_names(state);
  std::map<std::string, at::Tensor> given;
  for (const auto& [name, tensor] : plain.tensors) {
    given[name] = tensor;
  }
  std::vector<Problem> problems;
  const auto report = [&](const std::string& name, const std::string& found,
                          const std::string& expected) {
    problems.push_back({.subject = name, .found = found, .expected = expected, .remedy = {}});
  };
  std::vector<WeightCopy> copies;
  for (const auto& [name, target] : targets) {
    const auto found = given.find(name);
    if (found == given.end()) {
      report(name, "missing", shape_text(target));
      continue;
    }
    if (found->second.sizes() != target.sizes()) {
      report(name, "shape " + shape_text(found->second), shape_text(target));
    }
    copies.push_back({.name = name, .target = target, .value = found->second});
    given.erase(found);
  }
  for (const auto& [name, tensor] : given) {
    report(name, "unexpected, shape " + shape_text(tensor), "");
  }
  copy_weights(copies, problems, source,
               "name the weights that belong to this network, or the options of theirs");
}

tensor::NamedTensors with_grid(tensor::NamedTensors state, std::int64_t side) {
  for (auto& [name, table_1TH] : state.tensors) {
    // integers are refused by their name when they are loaded
    if (!name.ends_with(kPositions) || table_1TH.dim() != 3 || !table_1TH.is_floating_point()) {
      continue;
    }
    const auto old_side = std::llround(std::sqrt(static_cast<double>(table_1TH.size(1))));
    if (old_side == side || old_side * old_side != table_1TH.size(1)) {
      continue;
    }
    const at::Tensor grid_1HYX = table_1TH.transpose(1, 2).unflatten(2, {old_side, old_side});
    table_1TH = at::upsample_bilinear2d(grid_1HYX, {side, side}, true).flatten(2).transpose(1, 2);
  }
  return state;
}

}  // namespace retina::net
