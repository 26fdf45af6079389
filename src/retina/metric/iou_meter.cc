#include "retina/metric/iou_meter.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::metric {
namespace {

std::vector<double> divided(std::vector<double> values, double divisor) {
  for (double& value : values) {
    value /= divisor;
  }
  return values;
}

}  // namespace

IouMeter::IouMeter(int classes, double momentum) : momentum_(momentum) {
  state_.decayed.resize(static_cast<std::size_t>(classes));
  state_.sum.resize(static_cast<std::size_t>(classes));
}

void IouMeter::add(std::span<const SoftOverlap> batch) {
  std::vector<double> iou;
  for (const SoftOverlap& overlap : batch) {
    iou.push_back(overlap.smoothed_iou());
  }
  add_iou(iou);
}

void IouMeter::add_iou(std::span<const double> batch) {
  if (batch.size() != state_.sum.size()) {
    throw Error(ErrorKind::internal, fmt::format("IoU meter of {} classes was given {}",
                                                 state_.sum.size(), batch.size()));
  }
  for (std::size_t k = 0; k < batch.size(); ++k) {
    state_.decayed[k] = momentum_ * state_.decayed[k] + (1 - momentum_) * batch[k];
    state_.sum[k] += batch[k];
  }
  ++state_.batches;
}

std::vector<double> IouMeter::smoothed() const {
  if (state_.batches == 0) {
    return state_.decayed;
  }
  return divided(state_.decayed, 1 - std::pow(momentum_, static_cast<double>(state_.batches)));
}

std::vector<double> IouMeter::mean() const {
  return divided(state_.sum, static_cast<double>(std::max<std::int64_t>(state_.batches, 1)));
}

void IouMeter::reset() {
  std::fill(state_.decayed.begin(), state_.decayed.end(), 0.0);
  std::fill(state_.sum.begin(), state_.sum.end(), 0.0);
  state_.batches = 0;
}

void IouMeter::restore(const State& state) {
  if (state.sum.size() != state_.sum.size() || state.decayed.size() != state_.decayed.size()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "saved IoU meter",
                        .found = fmt::format("{} classes", state.sum.size()),
                        .expected = fmt::format("{}", state_.sum.size()),
                        .remedy = "resume with the configuration of the saved run"});
  }
  state_ = state;
}

}  // namespace retina::metric
