#include "retina/pipeline/pretrain/restoration_pictures.h"

#include <algorithm>
#include <span>

#include "retina/core/file.h"
#include "retina/report/png.h"
#include "retina/tensor/convert.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kGap = 4;  ///< white pixels between the pictures of a file

core::Array as_grey(const at::Tensor& image_YX, const augment::Normalisation& normalisation) {
  const core::NormalisationConstants c = core::constants(normalisation);
  return tensor::to_array(
      (image_YX / c.factor + c.offset).round().clamp(0, 255).to(at::kByte).cpu());
}

void paste(const core::Array& picture, core::Array& sheet, std::int64_t top, std::int64_t left) {
  for (std::int64_t y = 0; y < picture.shape()[1]; ++y) {
    for (std::int64_t x = 0; x < picture.shape()[2]; ++x) {
      sheet.at<std::uint8_t>(0, 0, top + y, left + x) = picture.at<std::uint8_t>(0, 0, y, x);
    }
  }
}

}  // namespace

std::vector<std::vector<report::Picture>> restoration_pictures(
    net::DenseNetwork& network, const trainer::TaskInputs& batch,
    const augment::Normalisation& normalisation) {
  const at::NoGradGuard no_grad;
  const bool training = network.is_training();
  network.eval();
  const at::Tensor output_NCYX = network.forward(batch.images_NCYX);
  network.train(training);
  std::vector<std::vector<report::Picture>> rows;
  for (std::int64_t i = 0; i < output_NCYX.size(0); ++i) {
    rows.push_back({report::grey("input", as_grey(batch.images_NCYX[i][0], normalisation)),
                    report::grey("reconstruction", as_grey(output_NCYX[i][0], normalisation)),
                    report::grey("target", as_grey(batch.targets[i][0], normalisation))});
  }
  return rows;
}

void write_picture_file(const std::filesystem::path& path,
                        const std::vector<std::vector<report::Picture>>& rows) {
  const core::Vec3 shape = rows.front().front().pixels.shape();
  const std::int64_t height = shape[1] + kGap;
  const std::int64_t width = shape[2] + kGap;
  core::Array sheet(core::DType::u8, 1,
                    {1, height * static_cast<std::int64_t>(rows.size()) - kGap,
                     width * static_cast<std::int64_t>(rows.front().size()) - kGap});
  std::fill(sheet.bytes().begin(), sheet.bytes().end(), std::byte{255});
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      paste(rows[r][c].pixels, sheet, height * static_cast<std::int64_t>(r),
            width * static_cast<std::int64_t>(c));
    }
  }
  std::filesystem::create_directories(path.parent_path());
  const std::vector<std::byte> png = report::encode_png(sheet);
  core::write_atomically(path, std::span<const std::byte>(png));
}

}  // namespace retina::pipeline
