#include "retina/pipeline/run/training_batches.h"

#include <utility>

#include "retina/augment/compose.h"
#include "retina/augment/geometry.h"

namespace retina::pipeline {

namespace {

augment::Geometry geometry_of(const augment::Recipe& recipe, const data::SampleKey& key) {
  return augment::draw_geometry(recipe, key.seed, key.plane_shape, key.foreground, key.known);
}

std::vector<augment::Sample> draw_batch(const data::RawBatch& raw, const augment::Recipe& recipe) {
  std::vector<augment::Sample> samples;
  samples.reserve(raw.samples.size());
  for (const data::RawSample& sample : raw.samples) {
    samples.push_back({.image_YX = sample.image_YX,
                       .labels_YX = sample.labels_YX,
                       .geometry = geometry_of(recipe, sample.key),
                       .photometry = augment::draw_photometry(recipe, sample.key.seed)});
  }
  return samples;
}

}  // namespace

data::ChooseBox choose_box(const augment::Recipe& recipe) {
  return [recipe](const data::SampleKey& key) { return geometry_of(recipe, key).box; };
}

trainer::TaskInputs augment_batch(const data::RawBatch& raw, const augment::Recipe& recipe,
                                  const augment::Normalisation& normalisation, at::Device device) {
  augment::AugmentedBatch batch =
      augment::make_batch(draw_batch(raw, recipe), recipe, normalisation, device);
  return {.images_NCYX = std::move(batch.images_NCYX), .targets = std::move(batch.labels_NYX)};
}

trainer::TaskInputs restoration_batch(const data::RawBatch& raw, const augment::Recipe& recipe,
                                      const augment::Normalisation& normalisation,
                                      at::Device device) {
  augment::AugmentedBatch batch =
      augment::make_batch(draw_batch(raw, recipe), recipe, normalisation, device,
                          augment::Path::automatic, augment::Wanted::images_and_clean);
  return {.images_NCYX = std::move(batch.images_NCYX), .targets = std::move(batch.clean_NCYX)};
}

}  // namespace retina::pipeline
