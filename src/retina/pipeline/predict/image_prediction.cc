#include "retina/pipeline/predict/image_prediction.h"

#include <utility>

#include "retina/core/resampled_volume.h"
#include "retina/pipeline/predict/physical_scale.h"
#include "retina/tensor/convert.h"

namespace retina::pipeline {
namespace {

core::Array quantised(const PredictionSetup& setup, const at::Tensor& p_KYX) {
  return tensor::to_array(engine::quantise(p_KYX, 255, setup.rounding()).unsqueeze(1));
}

ImagePrediction predict_as_it_is(const PredictionSetup& setup, core::Array& pixels) {
  ImagePrediction result;
  const at::Tensor p_KYX = setup.predictor->probabilities(tensor::view_CZYX(pixels)[0][0]);
  result.labels = tensor::to_array(engine::decide(p_KYX, setup.threshold));
  if (setup.options.probabilities) {
    result.probabilities = quantised(setup, p_KYX);
  }
  return result;
}

core::Array resampled(core::Array values, const core::Vec3& shape) {
  return core::ResampledVolume(core::in_memory(std::move(values)), shape, core::Resampling::smooth)
      .read(core::whole(shape));
}

/// Predicts at another size; the decision is made on probabilities at the image's own.
ImagePrediction predict_rescaled(const PredictionSetup& setup, const core::Array& pixels,
                                 const core::Vec3& shape) {
  core::Array seen = resampled(pixels, shape);
  const at::Tensor p_KYX = setup.predictor->probabilities(tensor::view_CZYX(seen)[0][0]);
  ImagePrediction result;
  result.probabilities = resampled(quantised(setup, p_KYX), pixels.shape());
  result.labels = engine::decide_quantised(result.probabilities, setup.threshold);
  return result;
}

void clean(const label::CleanRules& rules, ImagePrediction& result) {
  const auto labels = core::in_memory(std::move(result.labels));
  const label::CleanedLabels cleaned(*labels, label::BlockGrid(labels->shape(), {0, 0, 0}), rules,
                                     core::silent_context());
  label::CleanedLabels::Block block = cleaned.read(0);
  result.labels = std::move(block.labels);
  if (rules.ids == label::ObjectIds::wanted) {
    result.ids = core::convert(block.ids, id_type(cleaned.objects()));
  }
  result.counts = {cleaned.objects(), cleaned.removed(), cleaned.holes()};
}

}  // namespace

ImagePrediction predict_image(const PredictionSetup& setup, core::Array& pixels,
                              const core::VolumeInfo& info) {
  const core::Vec3 shape = network_shape(setup, info, engine::AxesMode::plane);
  ImagePrediction result = shape == pixels.shape() ? predict_as_it_is(setup, pixels)
                                                   : predict_rescaled(setup, pixels, shape);
  const label::CleanRules rules = clean_rules(setup.postprocess, info, engine::AxesMode::plane);
  if (cleans(rules)) {
    clean(rules, result);
  }
  return result;
}

}  // namespace retina::pipeline
