#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace retina::metric {

/// Two-sided Mann-Whitney U test of two independent samples.
struct MannWhitney {
  double u = 0;  ///< pairs in which the first sample's value is greater; equal values count 1/2
  double p = 1;  ///< chance of a U at least as extreme if both samples come from one distribution
  bool exact = true;
};

/// Observations, of both samples together, up to which the test is exact.
inline constexpr std::size_t kMostExactObservations = 50;

/// Exact: the distribution of U over all ways to deal the pooled mid-ranks to the two samples, with
/// ties or without; p = 2 min(P(U <= u), P(U >= u)), at most 1. Of more observations the normal
/// approximation, corrected for ties and continuity. Empty if a sample is.
std::optional<MannWhitney> mann_whitney(const std::vector<double>& first,
                                        const std::vector<double>& second);

}  // namespace retina::metric
