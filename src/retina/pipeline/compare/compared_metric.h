#pragma once

#include <array>

namespace retina::pipeline {

/// One of the scores that runs are compared by.
struct ComparedMetric {
  const char* key;  ///< in CellResult::scores
  const char* title;
  int digits;
  bool lower_is_better = false;
};

inline constexpr std::array<ComparedMetric, 11> kComparedMetrics{
    {{"iou", "IoU", 4},
     {"f", "F", 4},
     {"precision", "precision", 4},
     {"recall", "recall", 4},
     {"mfd", "MFD [px]", 2, true},
     {"mfd_nm", "MFD [nm]", 1, true},
     {"cremi", "CREMI score [nm]", 1, true},
     {"adgt", "ADGT [nm]", 1, true},
     {"adf", "ADF [nm]", 1, true},
     {"false_positives", "CREMI FP", 0, true},
     {"false_negatives", "CREMI FN", 0, true}}};

}  // namespace retina::pipeline
