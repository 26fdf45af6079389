#include "retina/pipeline/run/training_batches.h"

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::pipeline {
namespace {

augment::Recipe small_recipe() {
  augment::Recipe recipe;
  recipe.size = 24;
  recipe.crop_nonempty = 0.8;
  recipe.noise_probability = recipe.blur_probability = 0.5;
  return recipe;
}

std::vector<at::Tensor> epoch_images(const augment::Recipe& recipe,
                                     const data::LoaderOptions& options, int batches) {
  data::Loader loader(data::memory_dataset(5, 60), options, choose_box(recipe));
  std::vector<at::Tensor> images;
  for (int b = 0; b < batches; ++b) {
    const trainer::TaskInputs batch =
        augment_batch(loader.next(), recipe, {.mean = 0.5, .std = 0.2}, at::kCPU);
    for (const at::Tensor& image : batch.images_NCYX.unbind(0)) {
      images.push_back(image);
    }
  }
  return images;
}

TEST(TrainingBatches, SamplesAreReplayedWhateverThreadsAndBatchSize) {
  for (const augment::Application application :
       {augment::Application::composed, augment::Application::published}) {
    augment::Recipe recipe = small_recipe();
    recipe.application = application;
    const auto a = epoch_images(recipe, {.batch = 2, .seed = 9, .threads = 1}, 6);
    const auto b = epoch_images(recipe, {.batch = 4, .seed = 9, .threads = 3}, 3);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(a[i].equal(b[i])) << "sample " << i;
    }
  }
}

/// All planes of a volume without labels along the three axes.
std::shared_ptr<data::Dataset> unlabelled_volume() {
  core::Array values(core::DType::u8, 1, {60, 70, 80});
  std::size_t next = 0;
  for (std::uint8_t& value : values.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(next++ * 31 % 251);
  }
  auto dataset = std::make_shared<data::Dataset>();
  dataset->volumes.push_back({.name = "volume",
                              .image = core::in_memory(std::move(values)),
                              .labels = nullptr,
                              .range = {}});
  for (const int axis : {0, 1, 2}) {
    const auto planes =
        data::slices_across(dataset->volumes[0].image->shape(), 0, axis, /*every=*/1);
    dataset->slices.insert(dataset->slices.end(), planes.begin(), planes.end());
  }
  return dataset;
}

TEST(TrainingBatches, PatchesReadAloneAreThoseOfWholePlanes) {
  augment::Recipe recipe = augment::restoration_recipe();
  recipe.size = recipe.patch = 24;
  const auto dataset = unlabelled_volume();
  for (const augment::Application application :
       {augment::Application::composed, augment::Application::published}) {
    recipe.application = application;
    data::Loader parts(dataset, {.batch = 8, .seed = 3, .threads = 0, .cache_bytes = 0},
                       choose_box(recipe));
    data::Loader planes(dataset, {.batch = 8, .seed = 3, .threads = 0}, choose_box(recipe));
    const auto batch_of = [&](data::Loader& loader) {
      return restoration_batch(loader.next(), recipe, {.mean = 0.5, .std = 0.2}, at::kCPU);
    };
    const trainer::TaskInputs of_parts = batch_of(parts);
    const trainer::TaskInputs of_planes = batch_of(planes);
    EXPECT_TRUE(of_parts.images_NCYX.equal(of_planes.images_NCYX));
    EXPECT_TRUE(of_parts.targets.equal(of_planes.targets));
  }
}

TEST(TrainingBatches, BatchHasTheShapesOfTheRecipe) {
  const augment::Recipe recipe = small_recipe();
  data::Loader loader(data::memory_dataset(5, 60), {.batch = 3}, choose_box(recipe));
  const trainer::TaskInputs batch =
      augment_batch(loader.next(), recipe, {.mean = 0.5, .std = 0.2}, at::kCPU);
  EXPECT_EQ(batch.images_NCYX.sizes(), (std::vector<std::int64_t>{3, 1, 24, 24}));
  EXPECT_EQ(batch.targets.sizes(), (std::vector<std::int64_t>{3, 24, 24}));
  EXPECT_EQ(batch.targets.scalar_type(), at::kLong);
}

}  // namespace
}  // namespace retina::pipeline
