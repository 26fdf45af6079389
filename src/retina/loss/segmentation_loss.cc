#include "retina/loss/segmentation_loss.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"

namespace retina::loss {
namespace {

constexpr double kSmooth = 1e-5;

/// Which pixels count, and labels that are safe to index with.
struct Targets {
  at::Tensor labels_NYX;
  at::Tensor valid_NYX;  ///< undefined = all
};

Targets without_ignored(const at::Tensor& labels_NYX, int ignore_value) {
  if (ignore_value < 0) {
    return {.labels_NYX = labels_NYX, .valid_NYX = {}};
  }
  const at::Tensor valid_NYX = labels_NYX != ignore_value;
  return {.labels_NYX = labels_NYX * valid_NYX, .valid_NYX = valid_NYX};
}

/// Zero where a pixel does not count. values_NKYX or values_NYX.
at::Tensor masked(const at::Tensor& values, const at::Tensor& valid_NYX) {
  if (!valid_NYX.defined()) {
    return values;
  }
  return values * (values.dim() == 4 ? valid_NYX.unsqueeze(1) : valid_NYX);
}

at::Tensor binary_ce(const at::Tensor& logits_NYX, const at::Tensor& truth_NYX,
                     const at::Tensor& valid_NYX) {
  if (!valid_NYX.defined()) {
    return at::binary_cross_entropy_with_logits(logits_NYX, truth_NYX);
  }
  const at::Tensor each_NYX =
      at::binary_cross_entropy_with_logits(logits_NYX, truth_NYX, {}, {}, at::Reduction::None);
  return masked(each_NYX, valid_NYX).sum() / valid_NYX.sum().clamp_min(1);
}

at::Tensor binary_dice(const at::Tensor& logits_NYX, const at::Tensor& truth_NYX,
                       const at::Tensor& valid_NYX) {
  const at::Tensor p_NYX = masked(logits_NYX.sigmoid(), valid_NYX);
  const at::Tensor y_NYX = masked(truth_NYX, valid_NYX);
  return 1 - (2 * (p_NYX * y_NYX).sum() + kSmooth) / (p_NYX.sum() + y_NYX.sum() + kSmooth);
}

at::Tensor class_ce(const at::Tensor& logits_NKYX, const Targets& targets,
                    const std::vector<double>& class_weights) {
  at::Tensor weight_K;
  if (!class_weights.empty()) {
    weight_K = at::tensor(class_weights, at::kDouble).to(logits_NKYX.options());
  }
  if (!targets.valid_NYX.defined()) {
    return at::cross_entropy_loss(logits_NKYX, targets.labels_NYX, weight_K);
  }
  const at::Tensor each_NYX =
      at::cross_entropy_loss(logits_NKYX, targets.labels_NYX, weight_K, at::Reduction::None);
  at::Tensor weight_NYX = targets.valid_NYX.to(each_NYX.scalar_type());
  if (weight_K.defined()) {
    weight_NYX =
        weight_NYX *
        weight_K.index_select(0, targets.labels_NYX.flatten()).view(targets.labels_NYX.sizes());
  }
  return masked(each_NYX, targets.valid_NYX).sum() / weight_NYX.sum().clamp_min(1e-12);
}

at::Tensor class_dice(const at::Tensor& logits_NKYX, const Targets& targets) {
  const at::Tensor p_NKYX = masked(logits_NKYX.softmax(1), targets.valid_NYX);
  const at::Tensor y_NKYX = masked(
      at::zeros_like(p_NKYX).scatter_(1, targets.labels_NYX.unsqueeze(1), 1), targets.valid_NYX);
  const std::vector<std::int64_t> all_but_class{0, 2, 3};
  const at::Tensor both_K = (p_NKYX * y_NKYX).sum(all_but_class);
  const at::Tensor sizes_K =
      (p_NKYX * p_NKYX).sum(all_but_class) + y_NKYX.sum(all_but_class);  // y is 0 or 1: y * y = y
  return (1 - (2 * both_K + kSmooth) / (sizes_K + kSmooth)).mean();
}

void check_arguments(const at::Tensor& logits_NKYX, const at::Tensor& labels_NYX,
                     const SegmentationLossOptions& options) {
  const auto classes = logits_NKYX.dim() == 4 ? logits_NKYX.size(1) : 0;
  const bool shapes_fit =
      classes > 0 && labels_NYX.dim() == 3 && labels_NYX.size(0) == logits_NKYX.size(0) &&
      labels_NYX.size(1) == logits_NKYX.size(2) && labels_NYX.size(2) == logits_NKYX.size(3);
  if (!shapes_fit || labels_NYX.scalar_type() != at::kLong) {
    throw Error(ErrorKind::internal,
                "segmentation_loss: expected logits [n,k,y,x] and int64 labels [n,y,x]");
  }
  const auto weights = static_cast<std::int64_t>(options.class_weights.size());
  if (weights != 0 && (weights != classes || classes == 1)) {
    throw Error(ErrorKind::usage,
                Problem{.subject = "class_weights",
                        .found = fmt::format("{} values", weights),
                        .expected = classes == 1 ? std::string("none for a single class")
                                                 : fmt::format("{}, one per class", classes),
                        .remedy = {}});
  }
  if (labels_NYX.is_cpu()) {
    check_labels(labels_NYX, static_cast<int>(classes), options.ignore_value);
  }
}

}  // namespace

void check_labels(const at::Tensor& labels, int classes, int ignore_value) {
  if (labels.numel() == 0) {
    return;
  }
  const int greatest = std::max(1, classes - 1);
  const at::Tensor counted =
      ignore_value < 0 ? labels : labels.masked_fill(labels == ignore_value, 0);
  const auto [low, high] = counted.aminmax();
  const auto lowest_found = low.item<std::int64_t>();
  const auto greatest_found = high.item<std::int64_t>();
  if (lowest_found < 0 || greatest_found > greatest) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "label",
                        .found = std::to_string(lowest_found < 0 ? lowest_found : greatest_found),
                        .expected = fmt::format("0 to {}", greatest),
                        .remedy = "map the label values to classes, or name the ignore value"});
  }
}

SegmentationLoss segmentation_loss(const at::Tensor& logits_NKYX, const at::Tensor& labels_NYX,
                                   const SegmentationLossOptions& options) {
  check_arguments(logits_NKYX, labels_NYX, options);
  const at::Tensor exact_NKYX =
      logits_NKYX.scalar_type() == at::kDouble ? logits_NKYX : logits_NKYX.to(at::kFloat);
  const Targets targets = without_ignored(labels_NYX, options.ignore_value);
  SegmentationLoss loss;
  if (exact_NKYX.size(1) == 1) {
    const at::Tensor logits_NYX = exact_NKYX.squeeze(1);
    const at::Tensor truth_NYX = targets.labels_NYX.to(exact_NKYX.scalar_type());
    loss.ce = binary_ce(logits_NYX, truth_NYX, targets.valid_NYX);
    loss.dice = binary_dice(logits_NYX, truth_NYX, targets.valid_NYX);
  } else {
    loss.ce = class_ce(exact_NKYX, targets, options.class_weights);
    loss.dice = class_dice(exact_NKYX, targets);
  }
  loss.total = options.ce_weight * loss.ce + options.dice_weight * loss.dice;
  return loss;
}

}  // namespace retina::loss
