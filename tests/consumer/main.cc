#include <cstdio>

#include <ATen/ATen.h>

#include "retina/metric/overlap.h"
#include "retina/store/open.h"
#include "retina/tensor/convert.h"

/// consumer FILE: writes a volume, reads it back, and takes it as a tensor.
int main(int count, char** values) {
  if (count != 2) {
    return 2;
  }
  retina::core::Array truth(retina::core::DType::u8, 1, {1, 2, 2});
  truth.at<std::uint8_t>(0, 0, 1, 1) = 1;
  const retina::core::Box3 all = retina::core::whole(truth.shape());
  const auto output = retina::store::create(values[1], {.shape = truth.shape()});
  output->write(all, truth);
  output->finish();
  retina::core::Array read = retina::store::open(values[1])->read(all);
  const auto counts = retina::metric::count_overlap(truth, read, {1});
  const auto sum = retina::tensor::view_CZYX(read).sum().item<std::int64_t>();
  std::printf("IoU %.3f, sum %lld\n", counts.front().iou().value_or(-1),
              static_cast<long long>(sum));
  return counts.front().iou() == 1.0 && sum == 1 ? 0 : 1;
}
