#include "retina/trainer/divergence.h"

#include <cmath>
#include <string>

#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::trainer {
namespace {

constexpr const char* kTooFast =
    "lower optimizer.learning_rate or use --precision fp32; the checkpoints before it are kept";

/// The first weight or running statistic with a value that is infinite or not a number; empty if
/// there is none.
std::string name_of_infinite(const torch::nn::Module& network) {
  for (const auto& tensors : {network.named_parameters(), network.named_buffers()}) {
    for (const auto& item : tensors) {
      if (item.value().is_floating_point() && !item.value().isfinite().all().item<bool>()) {
        return item.key();
      }
    }
  }
  return {};
}

}  // namespace

void require_finite_loss(const Json& figures, std::int64_t step) {
  if (!std::isfinite(figures.value("loss", 0.0))) {
    throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("training, step {}", step),
                                             .found = "a loss that is not a number",
                                             .expected = "a finite loss",
                                             .remedy = kTooFast});
  }
}

void require_finite_weights(const torch::nn::Module& network, const WeightAverage* average,
                            std::int64_t step) {
  const std::string name = name_of_infinite(network);
  const std::string mean_name =
      name.empty() && average != nullptr ? name_of_infinite(*average->network()) : name;
  if (!mean_name.empty()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("training, step {}", step),
                        .found = fmt::format("a weight that is not a number ({})", mean_name),
                        .expected = "finite weights",
                        .remedy = kTooFast});
  }
}

}  // namespace retina::trainer
