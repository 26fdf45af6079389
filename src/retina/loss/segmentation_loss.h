#pragma once

#include <vector>

#include <torch/types.h>

namespace retina::loss {

struct SegmentationLossOptions {
  double ce_weight = 0.5;
  double dice_weight = 0.5;
  std::vector<double> class_weights;  ///< of the cross-entropy; empty = 1 each; not for one class
  int ignore_value = -1;              ///< label that contributes nothing; -1 = none
};

/// Total and its parts, each a scalar float32 tensor with gradient (float64 for float64 logits).
struct SegmentationLoss {
  at::Tensor total;
  at::Tensor ce;
  at::Tensor dice;
};

/// bad_data for a label outside 0..max(1, classes - 1) that is not `ignore_value` (-1 = none).
/// Reads the tensor, so on a GPU it waits for the device.
void check_labels(const at::Tensor& labels, int classes, int ignore_value);

/// logits_NKYX (K = 1: sigmoid/BCE, K > 1: softmax/CE), labels_NYX int64. Published loss, retina.md
/// 3.5: CE is the mean weighted by the target's class weights; Dice counts every class, background
/// included, over the whole batch, and sees no weights. Ignored pixels enter no sum; where all are
/// ignored CE is 0. Labels on the CPU are checked (see check_labels); labels on a GPU are not, as
/// that would stall it in every step: check them where they are loaded.
SegmentationLoss segmentation_loss(const at::Tensor& logits_NKYX, const at::Tensor& labels_NYX,
                                   const SegmentationLossOptions& options = {});

}  // namespace retina::loss
