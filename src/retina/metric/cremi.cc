#include "retina/metric/cremi.h"

#include <algorithm>
#include <utility>

#include "retina/metric/class_mask.h"

namespace retina::metric {
namespace {

CremiSide one_side(const core::Array& from, const core::Array& to, const CremiOptions& options,
                   const core::Context& context) {
  CremiSide side;
  side.count = count_voxels(from);
  if (auto distances = directed_distances(from, to, options.sampling_nm, context)) {
    side.beyond_threshold =
        std::count_if(distances->begin(), distances->end(),
                      [&](double distance) { return distance > options.threshold_nm; });
    side.distances = summarise(std::move(*distances));
  }
  return side;
}

std::optional<double> mean_distance(const CremiSide& side) {
  return side.distances ? std::optional(side.distances->mean) : std::nullopt;
}

}  // namespace

std::optional<double> CremiScores::adgt() const {
  return mean_distance(false_positives);
}

std::optional<double> CremiScores::adf() const {
  return mean_distance(false_negatives);
}

std::optional<double> CremiScores::score() const {
  if (!adgt() || !adf()) {
    return std::nullopt;
  }
  return 0.5 * (*adgt() + *adf());
}

CremiScores cremi_clefts(const core::Array& prediction, const core::Array& truth,
                         const CremiOptions& options, const core::Context& context) {
  return {one_side(prediction, truth, options, context),
          one_side(truth, prediction, options, context)};
}

}  // namespace retina::metric
