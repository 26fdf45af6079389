#include <cstdio>

#include "retina/core/array.h"
#include "retina/metric/overlap.h"

int main() {
  retina::core::Array truth(retina::core::DType::u8, 1, {1, 2, 2});
  truth.at<std::uint8_t>(0, 0, 1, 1) = 1;
  const auto counts = retina::metric::count_overlap(truth, truth, {1});
  std::printf("IoU %.3f\n", counts.front().iou().value_or(-1));
  return counts.front().iou() == 1.0 ? 0 : 1;
}
