#include "retina/metric/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace retina::metric {
namespace {

/// Twice the mid-ranks, which are whole numbers.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<std::size_t> ranks(values.size());
  for (std::size_t first = 0, last = 0; first < order.size(); first = last) {
    while (last < order.size() && values[order[last]] == values[order[first]]) {
      ++last;
    }
    for (std::size_t i = first; i < last; ++i) {
      ranks[order[i]] = first + 1 + last;  // ranks first + 1 to last share their mean
    }
  }
  return ranks;
}

/// How many choices of `count` of the ranks have each sum. At most C(50, 25) < 2^53: exact.
std::vector<double> choices_by_sum(const std::vector<std::size_t>& ranks, std::size_t count) {
  const std::size_t total = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  std::vector<std::vector<double>> choices(count + 1, std::vector<double>(total + 1, 0.0));
  choices[0][0] = 1;
  for (const std::size_t rank : ranks) {
    for (std::size_t k = count; k > 0; --k) {
      for (std::size_t sum = rank; sum <= total; ++sum) {
        choices[k][sum] += choices[k - 1][sum - rank];
      }
    }
  }
  return choices[count];
}

double exact_p(const std::vector<std::size_t>& ranks, std::size_t count, std::size_t sum) {
  const std::vector<double> choices = choices_by_sum(ranks, count);
  const auto here = choices.begin() + static_cast<std::ptrdiff_t>(sum);
  const double below = std::accumulate(choices.begin(), here, 0.0);
  const double above = std::accumulate(here + 1, choices.end(), 0.0);
  return std::min(1.0, 2 * (std::min(below, above) + *here) / (below + *here + above));
}

double normal_p(const std::vector<std::size_t>& ranks, double u, double pairs) {
  std::map<std::size_t, double> tied;
  for (const std::size_t rank : ranks) {
    tied[rank] += 1;
  }
  double ties = 0;
  for (const auto& [rank, count] : tied) {
    ties += count * count * count - count;
  }
  const auto all = static_cast<double>(ranks.size());
  const double variance = pairs / 12 * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) {
    return 1;
  }
  const double z = (std::max(u, pairs - u) - pairs / 2 - 0.5) / std::sqrt(variance);
  return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
}

}  // namespace

std::optional<MannWhitney> mann_whitney(const std::vector<double>& first,
                                        const std::vector<double>& second) {
  if (first.empty() || second.empty()) {
    return std::nullopt;
  }
  std::vector<double> pooled = first;
  pooled.insert(pooled.end(), second.begin(), second.end());
  const std::vector<std::size_t> ranks = doubled_ranks(pooled);
  const std::size_t n = first.size();
  const auto end = ranks.begin() + static_cast<std::ptrdiff_t>(n);
  const std::size_t sum = std::accumulate(ranks.begin(), end, std::size_t{0});
  MannWhitney test{.u = static_cast<double>(sum - n * (n + 1)) / 2,
                   .exact = pooled.size() <= kMostExactObservations};
  test.p = test.exact ? exact_p(ranks, n, sum)
                      : normal_p(ranks, test.u, static_cast<double>(n * second.size()));
  return test;
}

}  // namespace retina::metric
