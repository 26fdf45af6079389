#include "retina/trainer/meters.h"

#include <cmath>

#include "retina/core/error.h"
#include "retina/trainer/checkpoint.h"

namespace retina::trainer {
namespace {

/// A figure under its name, those of several values under numbered ones.
void put(Json& values, const std::string& name, const at::Tensor& figure) {
  const at::Tensor flat = figure.cpu().reshape({-1});
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    values[figure.dim() == 0 ? name : name + "/" + std::to_string(i)] = flat[i].item<double>();
  }
}

}  // namespace

at::Tensor batch_iou(const at::Tensor& logits_NKYX, const at::Tensor& labels_NYX,
                     int ignore_value) {
  const at::NoGradGuard no_grad;
  const std::int64_t channels = logits_NKYX.size(1);
  const at::Tensor known_N1YX = (labels_NYX != ignore_value).unsqueeze(1);
  at::Tensor predicted_NKYX =
      channels == 1 ? (logits_NKYX > 0).to(at::kFloat) : at::softmax(logits_NKYX, 1);
  predicted_NKYX = predicted_NKYX * known_N1YX;
  const std::int64_t first = channels == 1 ? 1 : 0;
  const at::Tensor ids =
      at::arange(first, first + channels, labels_NYX.options()).view({1, channels, 1, 1});
  const at::Tensor truth_NKYX = labels_NYX.unsqueeze(1) == ids;
  const at::Tensor both = (predicted_NKYX * truth_NKYX).sum({0, 2, 3});
  const at::Tensor either = predicted_NKYX.sum({0, 2, 3}) + truth_NKYX.sum({0, 2, 3}) - both;
  return (both + 1e-5) / (either + 1e-5);
}

void add_share(std::vector<Part>& total, const std::vector<Part>& values, double share) {
  if (share == 1) {
    total = values;
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const at::Tensor weighted = values[i].value * share;
    if (i < total.size()) {
      total[i].value = total[i].value + weighted;
    } else {
      total.push_back({values[i].name, weighted});
    }
  }
}

void Meters::add(const std::vector<Part>& parts) {
  const at::NoGradGuard no_grad;
  if (means_.empty()) {
    for (const Part& part : parts) {
      means_.push_back({part.name, at::zeros_like(part.value, at::kDouble)});
    }
  }
  if (means_.size() != parts.size()) {
    throw Error(ErrorKind::internal, "meters: a step reported another number of figures");
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    at::Tensor& sum = means_[i].sum;
    if (sum.device() != parts[i].value.device()) {
      sum = sum.to(parts[i].value.device());  // a checkpoint is read on the CPU
    }
    means_[i].last = parts[i].value.detach().to(at::kDouble);
    sum.mul_(momentum_).add_(means_[i].last, 1 - momentum_);
  }
  ++count_;
}

Json Meters::value() const {
  Json values = Json::object();
  const double correction = 1 - std::pow(momentum_, static_cast<double>(count_));
  for (const Mean& mean : means_) {
    put(values, mean.name, mean.sum / correction);
  }
  return values;
}

Json Meters::last() const {
  Json values = Json::object();
  for (const Mean& mean : means_) {
    if (mean.last.defined()) {
      put(values, mean.name, mean.last);
    }
  }
  return values;
}

tensor::NamedTensors Meters::state() const {
  tensor::NamedTensors state;
  state.metadata["count"] = std::to_string(count_);
  for (const Mean& mean : means_) {
    state.tensors.emplace_back(mean.name, mean.sum.cpu());
  }
  return state;
}

void Meters::load_state(const tensor::NamedTensors& state, const std::string& source) {
  means_.clear();
  for (const auto& [name, sum] : state.tensors) {
    means_.push_back({name, sum.clone()});
  }
  count_ = metadata_number(state, "count", source);
}

}  // namespace retina::trainer
