#include "retina/pipeline/finetune/held_out_slices.h"

#include <utility>

#include "retina/model/model.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/tensor/convert.h"
#include "retina/tensor/device.h"

namespace retina::pipeline {

HeldOutSlices::HeldOutSlices(const FinetuneOptions& run, const core::Context& context) {
  tensor::set_threads(run.threads);
  const model::Model model = model::load(run.output);
  const data::DataOptions data = run.held_out_data(model.card.preprocess.range);
  dataset_ = open_dataset(data, static_cast<int>(run.classes.size()) + 1,
                          core::silent_context());  // the training told what there is to say
  slices_ = evenly_spaced(dataset_.slices, run.validation.max_slices);
  const at::Device device = tensor::choose_device(run.device);
  const at::ScalarType dtype = tensor::choose_type(run.precision, device);
  tensor::use_precision(run.precision, device);
  predictor_ = std::make_unique<engine::PlanePredictor>(
      model.network->prepared_for_inference(device, dtype), model.card.preprocess,
      run.validation.windows, device, dtype);
  predictor_->set_hooks(engine::predictor_hooks(context, 0, core::kRerunHint));
  card_ = model.card;
}

std::optional<core::Vec3d> HeldOutSlices::voxel_nm(std::size_t index) const {
  return dataset_.volumes[static_cast<std::size_t>(slice(index).volume)].image->info().voxel_nm;
}

SliceSample HeldOutSlices::predicted(std::size_t index) {
  const at::NoGradGuard no_grad;
  data::LabelledPlane plane = data::read_plane(dataset_, slice(index));
  const at::Tensor labels_YX =
      predictor_->labels(tensor::view_CZYX(plane.image)[0][0], card_.threshold);
  return {.name = data::describe(dataset_, slice(index)),
          .image = std::move(plane.image),
          .truth = std::move(plane.labels),
          .prediction = tensor::to_array(labels_YX)};
}

}  // namespace retina::pipeline
