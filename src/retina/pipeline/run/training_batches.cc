#include "retina/pipeline/run/training_batches.h"

#include <algorithm>
#include <utility>

#include "retina/augment/compose.h"
#include "retina/augment/geometry.h"
#include "retina/core/resource_limits.h"

namespace retina::pipeline {

namespace {

/// Threads that read ahead; none where the whole process is to have one.
int reading_threads(int threads) {
  if (threads == 1) {
    return 0;
  }
  const int available = threads > 0 ? threads : core::usable_cores();
  return std::clamp(available / 2, 1, 8);
}

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

data::LoaderOptions share_of_batch(data::LoaderOptions loader, const TrainingOptions& options,
                                   const trainer::Ranks& ranks) {
  loader.batch = options.batch / ranks.count();
  loader.rank = ranks.rank();
  loader.ranks = ranks.count();
  loader.seed = options.seed;
  loader.shuffle = options.shuffle;
  loader.threads = reading_threads(options.threads);
  return loader;
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
