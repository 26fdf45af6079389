#include "retina/pipeline/evaluate/undefined_score.h"

namespace retina::pipeline {

Score score_or(std::optional<double> value, const std::string& reason) {
  return {value, value ? "" : reason};
}

std::string empty_reason(const metric::OverlapCounts& counts) {
  if (counts.tp + counts.fp == 0 && counts.tp + counts.fn == 0) {
    return "the class is in neither prediction nor truth";
  }
  return counts.tp + counts.fp == 0 ? "nothing was predicted" : "the class is not in the truth";
}

}  // namespace retina::pipeline
