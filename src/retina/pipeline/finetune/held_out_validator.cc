#include "retina/pipeline/finetune/held_out_validator.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/model/model.h"
#include "retina/tensor/convert.h"

namespace retina::pipeline {

double ValidationScores::mean_iou() const {
  double sum = 0;
  for (const ClassScore& score : classes) {
    sum += score.iou;
  }
  return classes.empty() ? 0 : sum / static_cast<double>(classes.size());
}

std::vector<data::Slice> evenly_spaced(const std::vector<data::Slice>& items, std::int64_t count) {
  const auto available = static_cast<std::int64_t>(items.size());
  if (count <= 0 || count >= available) {
    return items;
  }
  std::vector<data::Slice> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    chosen.push_back(items[static_cast<std::size_t>((2 * i + 1) * available / (2 * count))]);
  }
  return chosen;
}

HeldOutValidator::HeldOutValidator(std::shared_ptr<const data::Dataset> dataset,
                                   ValidatorSetup setup)
    : dataset_(std::move(dataset)),
      setup_(std::move(setup)),
      slices_(evenly_spaced(dataset_->slices, setup_.max_slices)) {}

std::optional<std::vector<metric::OverlapCounts>> slice_overlap(const core::Array& prediction,
                                                                const core::Array& truth,
                                                                std::size_t classes) {
  const auto labels = truth.values<std::uint8_t>();
  if (std::all_of(labels.begin(), labels.end(), [](auto v) { return v == data::kIgnore; })) {
    return std::nullopt;
  }
  std::vector<std::int64_t> ids(classes);
  std::iota(ids.begin(), ids.end(), 1);
  return metric::count_overlap(prediction, truth, ids, data::kIgnore);
}

engine::PlanePredictor HeldOutValidator::predictor_for(const net::DenseNetwork& network,
                                                       const core::Context& context) const {
  engine::PlanePredictor predictor(network.prepared_for_inference(setup_.device, setup_.dtype),
                                   setup_.preprocess, setup_.windows, setup_.device, setup_.dtype);
  predictor.set_hooks(engine::predictor_hooks(context, 0, "go on with --resume"));
  return predictor;
}

ValidationScores HeldOutValidator::score(const net::DenseNetwork& network,
                                         const core::Context& context) const {
  const at::NoGradGuard no_grad;
  engine::PlanePredictor predictor = predictor_for(network, context);
  const std::size_t classes = setup_.classes.size();
  std::vector<metric::OverlapCounts> totals(classes);
  std::vector<double> sums(classes, 0.0);
  std::int64_t known_slices = 0;  // a slice of which nothing is known says nothing
  const std::vector<data::Slice> shown = evenly_spaced(slices_, setup_.samples);
  ValidationScores scores;
  for (const data::Slice& slice : slices_) {
    data::LabelledPlane plane = data::read_plane(*dataset_, slice);
    const at::Tensor pixels_YX = tensor::view_CZYX(plane.image)[0][0];
    core::Array prediction = tensor::to_array(predictor.labels(pixels_YX));
    if (const auto counts = slice_overlap(prediction, plane.labels, classes)) {
      ++known_slices;
      for (std::size_t k = 0; k < classes; ++k) {
        totals[k] += (*counts)[k];
        sums[k] += (*counts)[k].smoothed_iou();
      }
    }
    if (setup_.keep_slices) {
      const data::LabelledVolume& volume =
          dataset_->volumes[static_cast<std::size_t>(slice.volume)];
      scores.slices.push_back({.slice = slice,
                               .voxel_nm = volume.image->info().voxel_nm,
                               .name = data::describe(*dataset_, slice),
                               .truth = plane.labels,
                               .prediction = prediction});
    }
    if (std::find(shown.begin(), shown.end(), slice) != shown.end()) {
      scores.samples.push_back({.name = data::describe(*dataset_, slice),
                                .image = std::move(plane.image),
                                .truth = std::move(plane.labels),
                                .prediction = std::move(prediction)});
    }
  }
  if (known_slices == 0) {
    throw Error(ErrorKind::bad_data, Problem{.subject = "held-out labels",
                                             .found = "nothing but the ignored value",
                                             .expected = "known pixels to score",
                                             .remedy = "hold out labelled slices"});
  }
  for (std::size_t k = 0; k < classes; ++k) {
    scores.classes.push_back({.name = setup_.classes[k],
                              .iou = sums[k] / static_cast<double>(known_slices),
                              .pooled_iou = totals[k].smoothed_iou()});
  }
  return scores;
}

TunedThreshold HeldOutValidator::best_threshold(const net::DenseNetwork& network,
                                                const core::Context& context) const {
  const at::NoGradGuard no_grad;
  engine::PlanePredictor predictor = predictor_for(network, context);
  ThresholdScan scan;
  for (const data::Slice& slice : slices_) {
    data::LabelledPlane plane = data::read_plane(*dataset_, slice);
    const at::Tensor p_KYX = predictor.probabilities(tensor::view_CZYX(plane.image)[0][0])
                                 .to(at::kCPU, at::kFloat)
                                 .contiguous();
    const std::span<const float> p(p_KYX.data_ptr<float>(),
                                   static_cast<std::size_t>(p_KYX.numel()));
    scan.add_slice(p, plane.labels.values<std::uint8_t>());
  }
  return scan.best();
}

void tune_threshold(const std::filesystem::path& folder, const HeldOutValidator& validator,
                    const core::Context& context) {
  model::Model kept = model::load(folder);
  const TunedThreshold best = validator.best_threshold(*kept.network, context);
  context.log->info("threshold {:.2f}: validation IoU {:.4f} ({:.4f} at 0.5)", best.threshold,
                    best.iou, best.iou_at_half);
  kept.card.threshold = best.threshold;
  kept.card.metrics["validation_iou_at_threshold"] = best.iou;
  model::save(folder, kept.card, *kept.network);
}

}  // namespace retina::pipeline
