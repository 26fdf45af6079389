#include "retina/trainer/optimizer.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "retina/core/problem_list.h"
#include "retina/trainer/checkpoint.h"

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
  for (const auto& item : network.named_parameters()) {
    for (const std::string& pattern : patterns) {
      if (name_matches(item.key(), pattern)) {
        at::Tensor(item.value()).requires_grad_(false);
      }
    }
  }
}

void require_matches(const torch::nn::Module& network, const std::string& pattern, const char* key,
                     ProblemList& problems) {
  bool found = false;
  for (const auto& item : network.named_parameters()) {
    found = found || name_matches(item.key(), pattern);
  }
  problems.require(found, key, "'" + pattern + "', which no tensor's name starts with",
                   "a beginning such as transformer.encoder, or a pattern with *");
}

/// A pattern that matches nothing is a mistake that must not pass unnoticed.
void check_patterns(const torch::nn::Module& network, const OptimizerOptions& options) {
  ProblemList problems;
  for (const std::string& pattern : options.freeze) {
    require_matches(network, pattern, "optimizer.freeze", problems);
  }
  for (const auto& [pattern, factor] : options.rate_factors) {
    require_matches(network, pattern, "optimizer.rate_factors", problems);
  }
  throw_if_any(ErrorKind::usage, "patterns that fit no tensor", problems.take());
}

/// Also where all is trained from a later step on: the backward passes before it have no gradient.
Problem nothing_trained(std::int64_t unfreeze_at) {
  return {.subject = "optimizer.freeze",
          .found = "every tensor of the network",
          .expected = "some that are trained from the first step on",
          .remedy = unfreeze_at > 0
                        ? fmt::format("freeze less; optimizer.unfreeze_at ({}) does not "
                                      "help the steps before it",
                                      unfreeze_at)
                        : "freeze less"};
}

/// Of the longest pattern that fits the name.
double rate_factor_of(const std::string& name, const std::map<std::string, double>& factors) {
  double factor = 1;
  std::size_t length = 0;
  for (const auto& [pattern, value] : factors) {
    if (pattern.size() > length && name_matches(name, pattern)) {
      factor = value;
      length = pattern.size();
    }
  }
  return factor;
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
  ProblemList problems;
  problems.above("optimizer.learning_rate", learning_rate, 0);
  problems.below("optimizer.momentum", momentum, 0, 1);
  problems.below("optimizer.beta1", beta1, 0, 1);
  problems.below("optimizer.beta2", beta2, 0, 1);
  problems.above("optimizer.epsilon", epsilon, 0);
  problems.at_least("optimizer.weight_decay", weight_decay, 0);
  problems.at_least("optimizer.clip_norm", clip_norm, 0);
  problems.at_least("optimizer.unfreeze_at", static_cast<double>(unfreeze_at), 0);
  for (const auto& [pattern, factor] : rate_factors) {
    problems.at_least("optimizer.rate_factors." + pattern, factor, 0);
  }
  return problems.take();
}

bool name_matches(const std::string& name, const std::string& pattern) {
  if (pattern.find('*') == std::string::npos) {
    return name.starts_with(pattern);
  }
  return wildcard_match(name, pattern);
}

Optimizer::Optimizer(torch::nn::Module& network, OptimizerOptions options)
    : options_(std::move(options)) {
  check_patterns(network, options_);
  freeze(network, options_.freeze);
  for (const auto& item : network.named_parameters()) {
    if (item.value().requires_grad()) {
      add(item.key(), item.value(), 0);
    } else {
      frozen_.emplace_back(item.key(), item.value());
    }
  }
  if (parameters_.empty()) {
    throw Error(ErrorKind::usage, nothing_trained(options_.unfreeze_at));
  }
}

void Optimizer::add(const std::string& name, const at::Tensor& value, std::int64_t since) {
  const bool decayed = options_.decay_vectors || value.dim() > 1;
  Parameter parameter{.name = name,
                      .value = value,
                      .first = at::zeros_like(value),
                      .second = {},
                      .rule = {.weight_decay = decayed ? options_.weight_decay : 0,
                               .rate_factor = rate_factor_of(name, options_.rate_factors),
                               .since = since}};
  if (options_.kind == OptimizerKind::adamw) {
    parameter.second = at::zeros_like(value);
  }
  parameters_.push_back(std::move(parameter));
}

void Optimizer::unfreeze() {
  for (auto& [name, value] : frozen_) {
    value.requires_grad_(true);
    add(name, value, options_.unfreeze_at);
  }
  frozen_.clear();
}

std::map<Optimizer::Rule, Optimizer::Group> Optimizer::gather() const {
  std::map<Rule, Group> groups;
  for (const Parameter& parameter : parameters_) {
    if (!parameter.value.grad().defined()) {
      continue;
    }
    Group& group = groups[parameter.rule];
    group.values.push_back(parameter.value);
    group.gradients.push_back(parameter.value.grad());
    group.first.push_back(parameter.first);
    if (parameter.second.defined()) {
      group.second.push_back(parameter.second);
    }
  }
  return groups;
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

void Optimizer::sgd(Group& group, const Rule& rule, double learning_rate) const {
  if (rule.weight_decay != 0) {
    at::_foreach_add_(group.gradients, group.values, rule.weight_decay);
  }
  at::_foreach_mul_(group.first, options_.momentum);
  at::_foreach_add_(group.first, group.gradients);
  at::_foreach_add_(group.values, group.first, -learning_rate);
}

void Optimizer::adamw(Group& group, const Rule& rule, double learning_rate) const {
  const auto step = static_cast<double>(steps_ - rule.since);
  const double mean_correction = 1 - std::pow(options_.beta1, step);
  const double square_correction = 1 - std::pow(options_.beta2, step);
  if (rule.weight_decay != 0) {
    at::_foreach_mul_(group.values, 1 - learning_rate * rule.weight_decay);
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
  for (auto& [rule, group] : gather()) {
    if (options_.kind == OptimizerKind::sgd) {
      sgd(group, rule, learning_rate * rule.rate_factor);
    } else {
      adamw(group, rule, learning_rate * rule.rate_factor);
    }
  }
  for (Parameter& parameter : parameters_) {
    parameter.value.mutable_grad() = at::Tensor();
  }
  if (steps_ == options_.unfreeze_at) {
    unfreeze();
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
  const std::int64_t steps = metadata_number(state, "steps", source);
  if (options_.unfreeze_at > 0 && steps >= options_.unfreeze_at) {
    unfreeze();
  }
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
  steps_ = steps;
}

}  // namespace retina::trainer
