#include "retina/pipeline/pretrain/collapse.h"

#include <fmt/format.h>

#include "retina/report/metrics_log.h"

namespace retina::pipeline {
namespace {

/// An output whose standard deviation is a smaller share of the target's is constant.
constexpr double kConstantShare = 0.02;

}  // namespace

std::optional<Problem> collapse_of(const Json& values, std::int64_t step) {
  const double output = report::number_in(values, "output_std").value_or(1);
  const double target = report::number_in(values, "target_std").value_or(0);
  if (output >= kConstantShare * target) {
    return std::nullopt;
  }
  return Problem{
      .subject = fmt::format("pre-training, step {}", step),
      .found = fmt::format("an almost constant output (standard deviation {:.2g})", output),
      .expected = fmt::format("one that varies as the target does ({:.2g})", target),
      .remedy = "lower optimizer.learning_rate; the checkpoints before it are kept"};
}

}  // namespace retina::pipeline
