#include "retina/trainer/gradient_exchange.h"

#include <algorithm>
#include <utility>

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "retina/core/error.h"

namespace retina::trainer {
namespace {

using torch::autograd::Variable;
using torch::autograd::impl::post_acc_grad_hooks;
using torch::autograd::impl::set_post_acc_grad_hooks;

/// Called by the backward pass when the gradient of one parameter is complete.
class ArrivalHook final : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit ArrivalHook(std::function<void()> arrived) : arrived_(std::move(arrived)) {}
  void operator()(const Variable& /*parameter*/) override { arrived_(); }

 private:
  std::function<void()> arrived_;
};

}  // namespace

GradientExchange::GradientExchange(Ranks& ranks, torch::nn::Module& network,
                                   ExchangeOptions options)
    : ranks_(ranks), network_(network), options_(options) {
  if (options_.statistics == GhostStatistics::averaged) {
    for (const at::Tensor& buffer : network.buffers()) {
      if (buffer.is_floating_point()) {
        statistics_.push_back(buffer);
      }
    }
  }
}

GradientExchange::~GradientExchange() {
  for (const Bucket& bucket : buckets_) {
    for (const Slot& slot : bucket.slots) {
      set_post_acc_grad_hooks(slot.parameter, nullptr);
    }
  }
}

void GradientExchange::begin() {
  is_completing_ = true;
  started_ = 0;
  for (Bucket& bucket : buckets_) {
    bucket.missing = bucket.slots.size();
    for (Slot& slot : bucket.slots) {
      slot.is_filled = false;
    }
  }
}

void GradientExchange::restart() {
  // before begin(), what was started is the step's before
  const bool has_begun = std::exchange(is_completing_, false);
  if (has_begun && started_ > 0) {
    throw Error(ErrorKind::resource,
                Problem{.subject = ranks_.name(ranks_.rank()),
                        .found = "out of memory in the middle of a step of all ranks",
                        .expected = "memory for its share of the batch",
                        .remedy = "lower the batch, or use more ranks"});
  }
}

void GradientExchange::fill(Bucket& bucket, Slot& slot) const {
  const at::NoGradGuard no_grad;
  if (slot.parameter.grad().defined()) {
    slot.mean.copy_(slot.parameter.grad()).div_(static_cast<double>(ranks_.count()));
  } else {
    slot.mean.zero_();
  }
  slot.is_filled = true;
  --bucket.missing;
}

void GradientExchange::arrived(std::size_t bucket, std::size_t slot) {
  if (is_completing_) {
    fill(buckets_[bucket], buckets_[bucket].slots[slot]);
    start_full_buckets();
  }
}

/// In their order, which is the same on all ranks.
void GradientExchange::start_full_buckets() {
  for (; started_ < buckets_.size() && buckets_[started_].missing == 0; ++started_) {
    buckets_[started_].wait = ranks_.start_sum(buckets_[started_].flat);
  }
}

std::vector<Part> GradientExchange::finish(const std::vector<Part>& parts) {
  is_completing_ = false;
  add_buckets();
  for (Bucket& bucket : buckets_) {
    for (Slot& slot : bucket.slots) {
      if (!slot.is_filled) {
        fill(bucket, slot);
      }
    }
  }
  start_full_buckets();
  std::vector<Part> shared = share(parts);
  for (Bucket& bucket : buckets_) {
    bucket.wait();
    for (Slot& slot : bucket.slots) {
      slot.parameter.mutable_grad() = slot.mean;
    }
  }
  return shared;
}

/// Means of the figures over ranks, and of the running statistics where that is wanted.
std::vector<Part> GradientExchange::share(const std::vector<Part>& parts) {
  std::vector<at::Tensor> tensors;
  for (const Part& part : parts) {
    tensors.push_back(part.value);
  }
  tensors.insert(tensors.end(), statistics_.begin(), statistics_.end());
  const std::vector<at::Tensor> means = mean(tensors);
  std::vector<Part> shared;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    shared.push_back({parts[i].name, means[i]});
  }
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < statistics_.size(); ++i) {
    statistics_[i].copy_(means[parts.size() + i]);
  }
  return shared;
}

/// For parameters that have a gradient and are in no bucket: those of the first step, and those
/// that are trained from a later one on.
void GradientExchange::add_buckets() {
  std::vector<at::Tensor> parameters = network_.parameters();
  std::reverse(parameters.begin(), parameters.end());
  std::vector<at::Tensor> together;
  std::int64_t bytes = 0;
  for (const at::Tensor& parameter : parameters) {
    const bool is_in_bucket = post_acc_grad_hooks(parameter) != nullptr;
    if (!parameter.grad().defined() || is_in_bucket) {
      continue;
    }
    together.push_back(parameter);
    bytes += static_cast<std::int64_t>(parameter.nbytes());
    if (bytes >= options_.bucket_bytes) {
      add_bucket(std::exchange(together, {}));
      bytes = 0;
    }
  }
  if (!together.empty()) {
    add_bucket(together);
  }
}

void GradientExchange::add_bucket(const std::vector<at::Tensor>& parameters) {
  std::int64_t elements = 0;
  for (const at::Tensor& parameter : parameters) {
    elements += parameter.numel();
  }
  Bucket bucket{.flat = at::empty({elements}, parameters[0].options().requires_grad(false)),
                .slots = {},
                .missing = parameters.size(),
                .wait = {}};
  std::int64_t start = 0;
  for (const at::Tensor& parameter : parameters) {
    const std::size_t slot = bucket.slots.size();
    // with the strides of the parameter, whatever its memory format
    bucket.slots.push_back({.parameter = parameter,
                            .mean = bucket.flat.narrow(0, start, parameter.numel())
                                        .as_strided(parameter.sizes(), parameter.strides())});
    set_post_acc_grad_hooks(parameter,
                            std::make_unique<ArrivalHook>(
                                [this, number = buckets_.size(), slot] { arrived(number, slot); }));
    start += parameter.numel();
  }
  buckets_.push_back(std::move(bucket));
}

std::vector<at::Tensor> GradientExchange::mean(const std::vector<at::Tensor>& tensors) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> flat;
  std::vector<std::int64_t> sizes;
  for (const at::Tensor& tensor : tensors) {
    flat.push_back(tensor.detach().to(at::kFloat).reshape({-1}));
    sizes.push_back(tensor.numel());
  }
  const at::Tensor all = at::cat(flat).div_(static_cast<double>(ranks_.count()));
  ranks_.start_sum(all)();
  std::vector<at::Tensor> means = at::split_with_sizes(all, sizes);
  for (std::size_t i = 0; i < means.size(); ++i) {
    means[i] = means[i].view(tensors[i].sizes());
  }
  return means;
}

}  // namespace retina::trainer
