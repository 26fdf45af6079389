#include "retina/augment/brightness_contrast.h"

#include <cstring>

#include "retina/tensor/upload.h"

namespace retina::augment {

at::Tensor apply_grey_tables(const at::Tensor& images_NYX, std::span<const GreyTable> tables) {
  const auto count = static_cast<std::int64_t>(tables.size());
  const at::Tensor table_NV = at::empty({count, 256}, at::kByte);
  std::memcpy(table_NV.data_ptr(), tables.data(), tables.size_bytes());
  const at::Tensor grey = images_NYX.reshape({count, -1}).to(at::kLong);
  return tensor::upload(table_NV, images_NYX.device()).gather(1, grey).view(images_NYX.sizes());
}

}  // namespace retina::augment
