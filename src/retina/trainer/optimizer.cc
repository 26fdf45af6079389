#include "retina/trainer/optimizer.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace retina::trainer {
namespace {

/// `*` matches any run of characters; both texts to their ends.
bool wildcard_match(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

void freeze(torch::nn::Module& network, const std::vector<std::string>& patterns) {
  std::vector<Problem> problems;
  for (const std::string& pattern : patterns) {
    std::int64_t frozen = 0;
    for (const auto& item : network.named_parameters()) {
      if (name_matches(item.key(), pattern)) {
        at::Tensor(item.value()).requires_grad_(false);
        ++frozen;
      }
    }
    if (frozen == 0) {
      problems.push_back(
          {.subject = "optimizer.freeze",
           .found = "'" + pattern + "', which no tensor's name starts with",
           .expected = "a beginning such as transformer.encoder, or a pattern with *",
           .remedy = {}});
    }
  }
  throw_if_any(ErrorKind::usage, "cannot freeze", problems);
}

/// Copies a stored state tensor over the present one.
void restore(at::Tensor& target, const tensor::NamedTensors& state, const std::string& name,
             std::vector<Problem>& problems) {
  const at::Tensor* found = state.find(name);
  if (found == nullptr) {
    problems.push_back({name, "missing", {}, {}});
  } else if (found->sizes() != target.sizes()) {
    problems.push_back({name,
                        fmt::format("{} elements", found->numel()),
                        fmt::format("{} elements", target.numel()),
                        {}});
  } else {
    target.copy_(*found);
  }
}

}  // namespace

std::vector<Problem> OptimizerOptions::validate() const {
  std::vector<Problem> problems;
  const auto require_that = [&](bool holds, const char* key, double found, const char* expected) {
    if (!holds) {
      problems.push_back(
          {fmt::format("optimizer.{}", key), fmt::format("{}", found), expected, {}});
    }
  };
  require_that(learning_rate > 0, "learning_rate", learning_rate, "more than 0");
  require_that(momentum >= 0 && momentum < 1, "momentum", momentum, "at least 0 and under 1");
  require_that(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and under 1");
  require_that(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and under 1");
  require_that(epsilon > 0, "epsilon", epsilon, "more than 0");
  require_that(weight_decay >= 0, "weight_decay", weight_decay, "0 or more");
  require_that(clip_norm >= 0, "clip_norm", clip_norm, "0 or more");
  return problems;
}

bool name_matches(const std::string& name, const std::string& pattern) {
  if (pattern.find('*') == std::string::npos) {
    return name.starts_with(pattern);
  }
  return wildcard_match(name, pattern);
}

Optimizer::Optimizer(torch::nn::Module& network, OptimizerOptions options)
    : options_(std::move(options)) {
  freeze(network, options_.freeze);
  for (const auto& item : network.named_parameters()) {
    if (!item.value().requires_grad()) {
      continue;
    }
    Parameter parameter{.name = item.key(),
                        .value = item.value(),
                        .first = at::zeros_like(item.value()),
                        .second = {},
                        .decayed = options_.decay_vectors || item.value().dim() > 1};
    if (options_.kind == OptimizerKind::adamw) {
      parameter.second = at::zeros_like(item.value());
    }
    parameters_.push_back(std::move(parameter));
  }
}

Optimizer::Group Optimizer::gather(bool decayed) const {
  Group group;
  group.weight_decay = decayed ? options_.weight_decay : 0;
  for (const Parameter& parameter : parameters_) {
    if (parameter.decayed != decayed || !parameter.value.grad().defined()) {
      continue;
    }
    group.values.push_back(parameter.value);
    group.gradients.push_back(parameter.value.grad());
    group.first.push_back(parameter.first);
    if (parameter.second.defined()) {
      group.second.push_back(parameter.second);
    }
  }
  return group;
}

void Optimizer::clip() const {
  std::vector<at::Tensor> gradients;
  for (const Parameter& parameter : parameters_) {
    if (parameter.value.grad().defined()) {
      gradients.push_back(parameter.value.grad());
    }
  }
  if (gradients.empty()) {
    return;
  }
  // No wait for the device: the factor stays a tensor.
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm();
  at::_foreach_mul_(gradients, at::clamp_max(options_.clip_norm / (norm + 1e-6), 1.0));
}

void Optimizer::sgd(Group& group, double learning_rate) const {
  if (group.weight_decay != 0) {
    at::_foreach_add_(group.gradients, group.values, group.weight_decay);
  }
  at::_foreach_mul_(group.first, options_.momentum);
  at::_foreach_add_(group.first, group.gradients);
  at::_foreach_add_(group.values, group.first, -learning_rate);
}

void Optimizer::adamw(Group& group, double learning_rate) const {
  const auto step = static_cast<double>(steps_);
  const double mean_correction = 1 - std::pow(options_.beta1, step);
  const double square_correction = 1 - std::pow(options_.beta2, step);
  if (group.weight_decay != 0) {
    at::_foreach_mul_(group.values, 1 - learning_rate * group.weight_decay);
  }
  at::_foreach_lerp_(group.first, group.gradients, 1 - options_.beta1);
  at::_foreach_mul_(group.second, options_.beta2);
  at::_foreach_addcmul_(group.second, group.gradients, group.gradients, 1 - options_.beta2);
  std::vector<at::Tensor> root = at::_foreach_sqrt(group.second);
  at::_foreach_div_(root, std::sqrt(square_correction));
  at::_foreach_add_(root, options_.epsilon);
  at::_foreach_addcdiv_(group.values, group.first, root, -learning_rate / mean_correction);
}

void Optimizer::step(double learning_rate) {
  const at::NoGradGuard no_grad;
  ++steps_;
  if (options_.clip_norm > 0) {
    clip();
  }
  for (const bool decayed : {true, false}) {
    Group group = gather(decayed);
    if (group.values.empty()) {
      continue;
    }
    if (options_.kind == OptimizerKind::sgd) {
      sgd(group, learning_rate);
    } else {
      adamw(group, learning_rate);
    }
  }
  for (Parameter& parameter : parameters_) {
    parameter.value.mutable_grad() = at::Tensor();
  }
}

tensor::NamedTensors Optimizer::state() const {
  tensor::NamedTensors state;
  state.metadata["kind"] = core::enum_name(options_.kind);
  state.metadata["steps"] = std::to_string(steps_);
  for (const Parameter& parameter : parameters_) {
    state.tensors.emplace_back("first." + parameter.name, parameter.first.cpu());
    if (parameter.second.defined()) {
      state.tensors.emplace_back("second." + parameter.name, parameter.second.cpu());
    }
  }
  return state;
}

void Optimizer::load_state(const tensor::NamedTensors& state, const std::string& source) {
  const at::NoGradGuard no_grad;
  std::vector<Problem> problems;
  const auto kind = state.metadata.find("kind");
  if (kind == state.metadata.end() || kind->second != core::enum_name(options_.kind)) {
    problems.push_back({source, kind == state.metadata.end() ? "no optimiser" : kind->second,
                        core::enum_name(options_.kind), "resume with the options of the run"});
  }
  for (Parameter& parameter : parameters_) {
    restore(parameter.first, state, "first." + parameter.name, problems);
    if (parameter.second.defined()) {
      restore(parameter.second, state, "second." + parameter.name, problems);
    }
  }
  throw_if_any(ErrorKind::bad_data, source + " does not fit this optimiser", problems);
  steps_ = std::stoll(state.metadata.at("steps"));
}

}  // namespace retina::trainer
